import { ForbiddenException, Injectable } from '@nestjs/common';
import type { CanActivate, Type } from '@nestjs/common';
import { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { FORBIDDEN_MESSAGE, GuardsContextCreator } from '@nestjs/core/guards/index.js';
import { Clock } from '../clock/clock.js';
import { isTooLate, within } from '../clock/deadline.js';
import { BearerGuard } from './bearer.guard.js';
import { ClientCertificateGuard } from './client-certificate.guard.js';
import { CustomGuards } from './custom-guards.js';
import { lastValue } from './last-value.js';
import { OriginGuard } from './origin.guard.js';
import { undecided } from './undecided.js';
import { UpgradeContext } from './upgrade-context.js';
import type { UpgradeRequest } from './upgrade-request.js';

/** Milliseconds that all guards together may take if an application has global guards. */
const GUARDS_TIMEOUT_MS = 30_000;

/** The guards of a gateway, for upgrade requests. */
export interface GuardCheck {
  /** Whether all of the guards are ours, so that none looks at the response or changes the request. */
  readonly ours: boolean;
  /**
   * Runs the guards. Returns undefined, or resolves, to let the request in; throws or rejects with the guard's exception.
   * Guards that are not ours need `request.res`.
   */
  (request: UpgradeRequest): Promise<void> | undefined;
}

/** A gateway whose guards decide who connects. */
interface Gateway {
  handleConnection?: (...args: never[]) => unknown;
}

/**
 * Turns the guards of a gateway (@UseGuards on the class or on handleConnection, and global guards) into a check of
 * upgrade requests. Nest finds the guards; running them is a loop, because Nest's way to run them takes as much as the
 * HTTP parser, and a fifth of what a connection leaves behind as garbage. Owns nothing. Knows nothing of sockets or
 * answers.
 * Invariant: a request is let in only if every guard let it in.
 */
@Injectable()
export class UpgradeGuards {
  constructor(
    private readonly modules: ModulesContainer,
    private readonly application: ApplicationConfig,
    private readonly clock: Clock,
  ) {}

  /**
   * Returns the check for a gateway. Guards run in Nest's order and may be asynchronous. `context.switchToHttp()` gives
   * them the request and its response.
   */
  of(gateway: object): GuardCheck {
    const handler = standIn((gateway as Gateway).handleConnection);
    const type = gateway.constructor as Type<object>;
    const creator = new GuardsContextCreator({ getModules: () => this.modules } as never, this.application);
    const guards = creator.create(gateway, handler, this.#moduleOf(gateway));
    // Built-in and custom guards have their own timeouts. Nest gives the application's global guards none.
    const bounded = this.application.getGlobalGuards().length === 0;
    const ask = (request: UpgradeRequest): Promise<void> | undefined => {
      const asked = askInTurn(guards, 0, new UpgradeContext(request, type, handler));
      return bounded || asked === undefined ? asked : this.#inTime(asked, request);
    };
    return Object.assign(ask, { ours: bounded && guards.every(isOurs) });
  }

  /** Returns the key of the module that provides a gateway, under whatever token: Nest keeps its guards there. */
  #moduleOf(gateway: object): string {
    const keys = [...this.modules.entries()].flatMap(([key, { providers }]) =>
      [...providers.values()]
        .filter(({ instance, isAlias }) => instance === gateway && !isAlias)
        .map((one) => ({ key, one })),
    );
    const found = keys.find(({ one }) => !one.isNotMetatype) ?? keys.at(0);
    // Nest would find no guards then, and let everyone in.
    if (found === undefined) throw new TypeError('no module provides this gateway, so its guards cannot be found');
    return found.key;
  }

  async #inTime(asked: Promise<void>, { res }: UpgradeRequest): Promise<void> {
    // A guard that ends the response may never answer.
    const decided = Promise.race([asked, res.answered]);
    await within(this.clock, GUARDS_TIMEOUT_MS, decided).catch(explainTooLate);
  }
}

/** Asks the guards from `first` on. Returns undefined if all of them answered at once. */
function askInTurn(guards: readonly CanActivate[], first: number, context: UpgradeContext): Promise<void> | undefined {
  for (let i = first; i < guards.length; i++) {
    const answer = guards[i].canActivate(context);
    if (answer === false) throw new ForbiddenException(FORBIDDEN_MESSAGE);
    if (answer === true) continue;
    return lastValue(answer).then((later) => {
      if (!later) throw new ForbiddenException(FORBIDDEN_MESSAGE);
      return askInTurn(guards, i + 1, context);
    });
  }
  return undefined;
}

/** Custom guards are not ours: see CustomGuards. */
function isOurs(guard: CanActivate): boolean {
  if (guard instanceof CustomGuards) return guard.none;
  return [OriginGuard, ClientCertificateGuard, BearerGuard].some((own) => guard.constructor === own);
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
