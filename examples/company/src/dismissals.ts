import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { SignalingService } from 'cairn-signal';
import { Suspensions } from './suspensions.module.js';

/** Closes the connections of whoever is suspended. Each node hears of it from Redis, and closes its own. */
@Injectable()
export class Dismissals implements OnApplicationBootstrap {
  constructor(
    private readonly signaling: SignalingService,
    private readonly suspensions: Suspensions,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.suspensions.onEach((principal) => void this.signaling.close(principal, 'this account is suspended'));
  }
}
