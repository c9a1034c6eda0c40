import { Injectable } from '@nestjs/common';
import { ApplicationConfig, ExternalContextCreator } from '@nestjs/core';
import { Clock } from '../clock/clock.js';
import { isTooLate, within } from '../clock/deadline.js';
import { undecided } from './undecided.js';
import type { UpgradeRequest } from './upgrade-request.js';

/** Milliseconds that all guards together may take if an application has global guards. */
const GUARDS_TIMEOUT_MS = 30_000;

/** Runs a gateway's Nest guards on an upgrade request. Resolves to let it in; rejects with the guard's exception. */
export type GuardCheck = (request: UpgradeRequest) => Promise<void>;

/** A gateway whose guards decide who connects. */
interface Gateway {
  handleConnection?: (...args: never[]) => unknown;
}

/**
 * Turns the guards of a gateway (@UseGuards on the class or on handleConnection, and global guards) into a check of
 * upgrade requests. Owns nothing. Knows nothing of sockets or answers.
 * Invariant: a request is let in only if every guard let it in.
 */
@Injectable()
export class UpgradeGuards {
  constructor(
    private readonly contexts: ExternalContextCreator,
    private readonly application: ApplicationConfig,
    private readonly clock: Clock,
  ) {}

  /**
   * Returns the check for a gateway. Guards run in Nest's order and may be asynchronous. `context.switchToHttp()` gives
   * them the request and its response.
   */
  of(gateway: object): GuardCheck {
    const options = { guards: true, interceptors: false, filters: false };
    const handler = standIn((gateway as Gateway).handleConnection);
    const run = this.contexts.create(
      gateway,
      handler,
      'handleConnection',
      undefined,
      undefined,
      undefined,
      undefined,
      options,
      'http',
    );
    return async (request) => {
      const asked = run(request, request.res) as Promise<unknown>;
      // Built-in and custom guards have their own timeouts. Nest gives the application's global guards none.
      if (this.application.getGlobalGuards().length === 0) await asked;
      else {
        // A guard that ends the response may never answer.
        const decided = Promise.race([asked, request.res.answered]);
        await within(this.clock, GUARDS_TIMEOUT_MS, decided).catch(explainTooLate);
      }
    };
  }
}

function explainTooLate(error: unknown): never {
  throw isTooLate(error) ? undecided('guard_timeout') : error;
}

/**
 * Returns the function that the guards protect. It does nothing, but has the metadata of handleConnection: its guards,
 * and what they read.
 */
function standIn(handleConnection: Gateway['handleConnection']): () => void {
  const handler = (): void => undefined;
  if (handleConnection !== undefined) {
    for (const key of Reflect.getMetadataKeys(handleConnection)) {
      Reflect.defineMetadata(key, Reflect.getMetadata(key, handleConnection), handler);
    }
  }
  return handler;
}
