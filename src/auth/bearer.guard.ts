import { HttpException, Injectable, UnauthorizedException } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { BearerTokens } from './bearer-tokens.js';
import { presentedToken } from './credentials.js';
import type { UpgradeRequest } from './upgrade-request.js';
import { WrongTokens } from './wrong-tokens.js';

const HOW_TO =
  'This server needs a bearer token. Send "Authorization: Bearer <token>"; from a browser, offer the subprotocols ' +
  '"cairn-signal" and "bearer.<base64url of the token>". A token in the URL is not read.';

const TOO_MANY = 'Too many wrong tokens from this address; the setting is max-wrong-tokens.';

/** Lets a peer connect that shows one of the configured tokens, or anyone where none is configured. Runs at the HTTP upgrade. */
@Injectable()
export class BearerGuard implements CanActivate {
  constructor(
    private readonly tokens: BearerTokens,
    private readonly wrongTokens: WrongTokens,
  ) {}

  /**
   * Throws an UnauthorizedException (401) whose text says how a token is sent, or a 429 for one of too many wrong tokens. A
   * right token always opens, since an address may be shared; and none at all is no guess.
   */
  canActivate(context: ExecutionContext): boolean {
    if (!this.tokens.required) return true;
    const request = context.switchToHttp().getRequest<UpgradeRequest>();
    const token = presentedToken(request.headers);
    if (token !== undefined) {
      request.credential = this.tokens.find(token);
      if (request.credential !== undefined) return true;
      const retryAfter = this.wrongTokens.shown(request);
      if (retryAfter !== undefined) throw new HttpException({ message: TOO_MANY, retryAfter }, 429);
    }
    throw new UnauthorizedException(HOW_TO);
  }
}
