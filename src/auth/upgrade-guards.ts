import { Injectable } from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core';
import type { UpgradeRequest } from './upgrade-request.js';

/** Runs a gateway's Nest guards over an upgrade request; resolves to let it in, rejects with the guard's exception. */
export type Admission = (request: UpgradeRequest) => Promise<void>;

/** What the guards guard: nothing happens here once they have let a request in. */
function noop(): void {
  // See UpgradeGuards.
}

/** Turns the guards of a gateway (@UseGuards, global ones) into a check of upgrade requests. */
@Injectable()
export class UpgradeGuards {
  constructor(private readonly contexts: ExternalContextCreator) {}

  /** Guards run in Nest's order and may be asynchronous; `context.switchToHttp().getRequest()` gives them the request. */
  of(gateway: object): Admission {
    const run = this.contexts.create(
      gateway,
      noop,
      'handleConnection',
      undefined,
      undefined,
      undefined,
      undefined,
      { guards: true, interceptors: false, filters: false },
      'http',
    );
    return async (request) => {
      await run(request);
    };
  }
}
