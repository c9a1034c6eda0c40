import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { BearerTokens } from './bearer-tokens.js';
import type { Credential } from './bearer-tokens.js';
import { mistakeIn, presented } from './credentials.js';
import { readAllowance } from '../connection/allowance.js';
import { Refusal } from '../connection/refusal.js';
import { TokenVerifier } from './token-verifier.js';
import { TokenAndCertificate } from './certificates/certificate-credential.js';
import type { UpgradeRequest } from './upgrade-request.js';
import { WrongTokens } from './wrong-tokens.js';

const HOW_TO =
  'This server needs a bearer token. Send "Authorization: Bearer <token>"; from a browser, offer the subprotocols ' +
  '"cairn-signal" and "bearer.<base64url of the token>". A token in the URL is ignored.';

const WRONG = 'This server does not know this token.';

const TOO_MANY = 'Too many wrong tokens from this address; the setting is max-wrong-tokens.';

/**
 * Asks for a bearer token at the HTTP upgrade: one that is listed, or a JWT that verifies. Lets everyone in where no
 * token is configured.
 */
@Injectable()
export class BearerGuard implements CanActivate {
  constructor(
    private readonly tokens: BearerTokens,
    private readonly verifier: TokenVerifier,
    private readonly wrongTokens: WrongTokens,
  ) {}

  /**
   * Throws, or rejects with, a refusal: 401 with a sentence that says what to do, 429 after too many wrong tokens, 503
   * when the token cannot be judged. A right token always opens, since peers may share an address. A missing token is
   * not a guess, so it is not counted.
   */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (!this.tokens.required && !this.verifier.on) return true;
    const request = context.switchToHttp().getRequest<UpgradeRequest>();
    const { token, mistake } = presented(request.headers);
    if (token === undefined) throw new Refusal(401, 'token_missing', withHint(HOW_TO, mistake));
    const credential = this.tokens.find(token);
    if (credential !== undefined) return letIn(request, credential);
    if (!this.verifier.takes(token)) {
      const hint = mistakeIn(token, request.headers);
      throw this.#counted(request, new Refusal(401, 'token_wrong', withHint(WRONG, hint)));
    }
    return this.verifier
      .verify(token, (named) => (request.named = named))
      .then((verified) => {
        readLimits(request, verified);
        return letIn(request, verified);
      })
      .catch((error: unknown) => {
        throw this.#counted(request, error);
      });
  }

  /**
   * Counts a wrong token. Returns its refusal, or 429 when it was one too many. One whose key nobody knows yet counts as
   * well: it costs as much, and anybody can name such a key. If it is right, it opens the server as soon as the key is
   * known.
   */
  #counted(request: UpgradeRequest, error: unknown): unknown {
    if (!(error instanceof Refusal)) return error;
    const undecided = error.reason === 'token_key_unknown';
    if (error.getStatus() !== 401 && !undecided) return error;
    const throttled = this.wrongTokens.shown(request);
    if (throttled === undefined) return error;
    const retryAfter = undecided ? Math.min(throttled, Number(error.headers['Retry-After'])) : throttled;
    return new Refusal(429, 'token_throttled', TOO_MANY, { retryAfter });
  }
}

/** A sentence, and behind it what the mistake is. */
function withHint(sentence: string, mistake: string | undefined): string {
  return mistake === undefined ? sentence : `${sentence} ${mistake}`;
}

/** A16: reads the claim `limits`. Throws a refusal that names it, and never its value. */
function readLimits(request: UpgradeRequest, { proof: { claims } }: Credential): void {
  if (claims === undefined || !Object.hasOwn(claims, 'limits')) return;
  const allowance = readAllowance(claims.limits);
  if (typeof allowance === 'string') {
    throw new Refusal(401, 'token_malformed', `The claim "limits" of this token ${allowance}.`);
  }
  request.limits = allowance;
}

function letIn(request: UpgradeRequest, credential: Credential): true {
  const certificate = request.credential;
  request.credential = certificate === undefined ? credential : new TokenAndCertificate(credential, certificate);
  if (credential.principal !== undefined) request.principal = credential.principal;
  return true;
}
