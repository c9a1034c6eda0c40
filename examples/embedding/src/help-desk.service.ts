import { Injectable, Logger } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { SignalingService } from 'cairn-signal';

/** Answers on the topic "help", as one more peer. */
@Injectable()
export class HelpDesk implements OnApplicationBootstrap {
  readonly #log = new Logger(HelpDesk.name);

  constructor(private readonly signaling: SignalingService) {
    signaling.on('connected', ({ principal }) => this.#log.debug(`${principal} is here`));
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.signaling.subscribe('help', (question) => {
      this.signaling.relay('help', Buffer.concat([Buffer.from('we look into: '), question]));
    });
  }
}
