import { Injectable, UnauthorizedException } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { BearerTokens } from './bearer-tokens.js';
import { presentedToken } from './credentials.js';
import type { UpgradeRequest } from './upgrade-request.js';

const HOW_TO =
  'This server needs a bearer token. Send "Authorization: Bearer <token>"; from a browser, offer the subprotocols ' +
  '"cairn-signal" and "bearer.<base64url of the token>". A token in the URL is not read.';

/** Lets a peer connect that shows one of the configured tokens, or anyone where none is configured. Runs at the HTTP upgrade. */
@Injectable()
export class BearerGuard implements CanActivate {
  constructor(private readonly tokens: BearerTokens) {}

  /** Throws an UnauthorizedException (401) whose text says how a token is sent. */
  canActivate(context: ExecutionContext): boolean {
    if (!this.tokens.required) return true;
    const token = presentedToken(context.switchToHttp().getRequest<UpgradeRequest>().headers);
    if (token === undefined || !this.tokens.accepts(token)) throw new UnauthorizedException(HOW_TO);
    return true;
  }
}
