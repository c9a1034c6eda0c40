/**
 * WebRTC without a network: two connections that have each other's descriptions, and a candidate each, are connected.
 * Owns all connections of a test. Does not know SDP: a description says whose it is. As in browsers, every step takes a
 * turn, and what does not fit the state is refused.
 */
export class FakeWebRtc {
  readonly all = new Map<string, FakeConnection>();
  /** Pairs of connections that find no way to each other. */
  blocked = false;

  /** The class for `connectPeer`. */
  get RTCPeerConnection(): new (config: RTCConfiguration) => RTCPeerConnection {
    const world = this as FakeWebRtc;
    return class extends FakeConnection {
      constructor(config: RTCConfiguration) {
        super(world, config);
      }
    } as unknown as new (config: RTCConfiguration) => RTCPeerConnection;
  }

  /** Connections that are not closed. */
  get open(): number {
    return [...this.all.values()].filter(({ signalingState }) => signalingState !== 'closed').length;
  }

  /** Connects, or disconnects, whatever can be. */
  look(): void {
    for (const one of this.all.values()) {
      const other = this.all.get(one.other);
      if (other && !this.blocked && one.isReady && other.isReady && other.other === one.id) {
        one.connect();
        other.connect();
      }
    }
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class FakeConnection extends EventTarget {
  readonly id: string;
  config: RTCConfiguration;
  signalingState: RTCSignalingState = 'stable';
  connectionState: RTCPeerConnectionState = 'new';
  localDescription: RTCSessionDescriptionInit | null = null;
  remoteDescription: RTCSessionDescriptionInit | null = null;
  /** Descriptions that were made, and ICE restarts. */
  offers = 0;
  restarts = 0;
  /** The connection whose description this one has. */
  other = '';
  #candidates = 0;
  #dirty = false;
  readonly channels: FakeChannel[] = [];
  readonly #world: FakeWebRtc;

  constructor(world: FakeWebRtc, config: RTCConfiguration) {
    super();
    this.#world = world;
    this.config = config;
    this.id = `connection-${world.all.size}`;
    world.all.set(this.id, this);
  }

  get isReady(): boolean {
    return this.signalingState === 'stable' && this.remoteDescription !== null && this.#candidates > 0;
  }

  createDataChannel(_label: string, init: RTCDataChannelInit): FakeChannel {
    const channel = new FakeChannel(init);
    this.channels.push(channel);
    this.#need();
    return channel;
  }

  getConfiguration(): RTCConfiguration {
    return this.config;
  }

  setConfiguration(config: RTCConfiguration): void {
    this.config = config;
  }

  restartIce(): void {
    this.restarts++;
    this.#need();
  }

  async setLocalDescription(): Promise<void> {
    await turn();
    this.#alive();
    const isAnswer = this.signalingState === 'have-remote-offer';
    this.#dirty = false;
    if (!isAnswer) this.offers++;
    this.localDescription = {
      type: isAnswer ? 'answer' : 'offer',
      sdp: `${isAnswer ? 'answer' : 'offer'} of ${this.id}`,
    };
    this.signalingState = isAnswer ? 'stable' : 'have-local-offer';
    setImmediate(() => {
      const candidate = {
        candidate: `candidate of ${this.id}`,
        toJSON: () => ({ candidate: `candidate of ${this.id}` }),
      };
      this.dispatchEvent(Object.assign(new Event('icecandidate'), { candidate }));
      this.dispatchEvent(Object.assign(new Event('icecandidate'), { candidate: null }));
    });
    this.#world.look();
  }

  async setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
    await turn();
    this.#alive();
    const [, type, id] = /^(offer|answer) of (connection-\d+)$/.exec(description.sdp ?? '') ?? [];
    if (type === undefined || type !== description.type) throw new DOMException('no SDP', 'OperationError');
    // An offer rolls back one's own.
    const isDue = type === 'offer' || this.signalingState === 'have-local-offer';
    if (!isDue) throw new DOMException('no offer', 'InvalidStateError');
    if (this.other !== '' && this.other !== id) throw new DOMException('another fingerprint', 'InvalidAccessError');
    this.other = id!;
    this.remoteDescription = description;
    this.signalingState = type === 'offer' ? 'have-remote-offer' : 'stable';
    this.#world.look();
    if (this.#dirty && this.signalingState === 'stable') this.#need();
  }

  async addIceCandidate({ candidate }: RTCIceCandidateInit): Promise<void> {
    await turn();
    this.#alive();
    if (this.remoteDescription === null) throw new DOMException('no remote description', 'InvalidStateError');
    if (candidate !== `candidate of ${this.other}`) throw new DOMException('not of this peer', 'OperationError');
    this.#candidates++;
    this.#world.look();
  }

  connect(): void {
    if (this.connectionState === 'connected') return;
    this.#become('connected');
    for (const channel of this.channels) channel.become('open');
  }

  /** The network between the two breaks. */
  fail(): void {
    this.#become('failed');
  }

  close(): void {
    if (this.signalingState === 'closed') return;
    this.signalingState = 'closed';
    this.connectionState = 'closed';
    const other = this.#world.all.get(this.other);
    for (const channel of this.channels) channel.become('closed');
    if (other?.other === this.id) for (const channel of other.channels) channel.become('closed');
  }

  #become(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    setImmediate(() => this.dispatchEvent(new Event('connectionstatechange')));
  }

  #alive(): void {
    if (this.signalingState === 'closed') throw new DOMException('closed', 'InvalidStateError');
  }

  #need(): void {
    this.#dirty = true;
    setImmediate(() => {
      if (this.#dirty && this.signalingState === 'stable') this.dispatchEvent(new Event('negotiationneeded'));
    });
  }
}

export class FakeChannel extends EventTarget {
  readyState: RTCDataChannelState = 'connecting';
  readonly init: RTCDataChannelInit;

  constructor(init: RTCDataChannelInit) {
    super();
    this.init = init;
  }

  become(state: RTCDataChannelState): void {
    if (this.readyState === 'closed' || this.readyState === state) return;
    this.readyState = state;
    setImmediate(() => this.dispatchEvent(new Event(state === 'open' ? 'open' : 'close')));
  }

  close(): void {
    this.become('closed');
  }
}
