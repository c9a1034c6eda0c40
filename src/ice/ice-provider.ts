import type { NowOrLater } from '../auth/last-value.js';

/** Who asks an ICE provider, and for what. */
export interface IceQuestion {
  /** Who the peer proved to be; undefined for an anonymous peer. */
  readonly principal: string | undefined;
  /** Seconds that the credentials should hold: `turn-ttl`. */
  readonly ttl: number;
  /** Aborted when nobody waits for the answer any more. For `fetch`, and whatever else takes one. */
  readonly signal: AbortSignal;
}

/** One entry of what `new RTCPeerConnection` takes as iceServers. */
export interface ProvidedServer {
  readonly urls: string | readonly string[];
  /** Both are needed where one of the URLs is of a TURN server. */
  readonly username?: string | undefined;
  readonly credential?: string | undefined;
}

export interface ProvidedServers {
  readonly iceServers: readonly ProvidedServer[];
  /** Seconds that the credentials hold from when the provider was asked: 60 or more. Without it, those asked for. */
  readonly ttl?: number | undefined;
}

/** Servers, or false: there are none for this peer. */
export type IceProviderAnswer = ProvidedServers | false;

/**
 * Gives peers ICE servers of another service, such as Cloudflare's or Twilio's. A port: an operator or an application
 * provides its own (docs/extending.md).
 *
 * The contract:
 * - It is asked once for a principal at a time, or for a source (J8) without one, and all who ask meanwhile get that
 *   answer. The answer is told to that principal for half of its `ttl`, with what is left of it.
 * - It may take its time, up to 5 s. A rejection, a timeout, and any answer that is none make the request fail
 *   (`unavailable`, 503); the provider is asked for that principal again after a second. Of an observable, the last value
 *   counts.
 */
export abstract class IceProvider {
  abstract iceServers(question: IceQuestion): NowOrLater<IceProviderAnswer>;
}

/** Where there is none. */
export class NoIceProvider extends IceProvider {
  iceServers(): false {
    return false;
  }
}

/** The ICE provider, fetched when it is first needed: what it injects may itself need the gateway, which asks it. */
export class IceProviderSource {
  #made: IceProvider | undefined;

  constructor(private readonly fetch: () => IceProvider) {}

  get provider(): IceProvider {
    return (this.#made ??= this.fetch());
  }

  /** Whether there is one. */
  get given(): boolean {
    return !(this.provider instanceof NoIceProvider);
  }
}
