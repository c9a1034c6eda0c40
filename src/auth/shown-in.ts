import { TLSSocket } from 'node:tls';
import type { Shown } from '../connection/shown.js';
import type { RefusalReason } from '../protocol/refusal-reasons.js';
import type { UpgradeRequest } from './upgrade-request.js';

/** Reasons to refuse a JWT that are only found once its signature has proved the issuer. */
const BEHIND_THE_SIGNATURE: ReadonlySet<RefusalReason> = new Set([
  'token_audience',
  'token_expired',
  'token_not_yet_valid',
]);

type Asking = Pick<UpgradeRequest, 'principal' | 'credential' | 'named' | 'socket'>;

/** Returns what the guards have learned of who asks for an upgrade. A plain request has shown nothing. */
export function shownIn(request: Asking): Shown {
  const { principal, credential, named } = request;
  const issuer = credential?.proof.issuer ?? named?.issuer;
  return {
    // Custom guards may set anything, and are refused for it.
    ...(typeof principal === 'string' && { principal }),
    ...withProof(proofOf(request)),
    ...(issuer !== undefined && { issuer }),
    ...(credential === undefined && named?.proved === false && { claimed: true as const }),
  };
}

/** Returns which configured issuer a refused JWT names; undefined for any other token. */
export function issuerNamed(
  token: string,
  issuers: readonly string[],
  reason: RefusalReason,
): UpgradeRequest['named'] | undefined {
  const issuer = claimedIssuer(token, issuers);
  return issuer === undefined ? undefined : { issuer, proved: BEHIND_THE_SIGNATURE.has(reason) };
}

/** The claim `iss` of an unverified JWT is a stranger's text. It is worth nothing unless it is a configured issuer. */
function claimedIssuer(token: string, issuers: readonly string[]): string | undefined {
  try {
    const { iss } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString()) as { iss?: unknown };
    return issuers.find((issuer) => issuer === iss);
  } catch {
    return undefined;
  }
}

function withProof(proof: Shown['proof']): Pick<Shown, 'proof'> {
  return proof === undefined ? {} : { proof };
}

/** A named token and a JWT name the peer themselves. Where the token has no name, something else may have. */
function proofOf({ principal, credential, socket }: Asking): Shown['proof'] {
  if (credential?.principal !== undefined || principal === undefined) return credential?.proof.kind;
  if (socket instanceof TLSSocket && socket.authorized) return 'certificate';
  return credential?.proof.kind ?? 'guard';
}
