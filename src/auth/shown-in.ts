import type { Shown } from '../connection/shown.js';
import { provedBy } from './upgrade-request.js';
import type { UpgradeRequest } from './upgrade-request.js';

type Asking = Pick<UpgradeRequest, 'principal' | 'credential' | 'named'>;

/** Returns what the guards have learned of who asks for an upgrade. A plain request has shown nothing. */
export function shownIn(request: Asking): Shown {
  const { principal, credential, named } = request;
  // A JWT that was refused counts more than the certificate beside it: the refusal is about the JWT.
  const refused = credential?.proof.kind === 'jwt' ? undefined : named;
  const issuer = refused?.issuer ?? credential?.proof.issuer;
  return {
    // Custom guards may set anything, and are refused for it.
    ...(typeof principal === 'string' && { principal }),
    ...withProof(proofOf(request)),
    ...(issuer !== undefined && { issuer }),
    ...(refused?.proved === false && { claimed: true as const }),
  };
}

function withProof(proof: Shown['proof']): Pick<Shown, 'proof'> {
  return proof === undefined ? {} : { proof };
}

/** A guard may replace what a token or a certificate says, and a token the certificate beside it. */
function proofOf(request: Asking): Shown['proof'] {
  const { principal, credential } = request;
  if (principal === undefined) return credential?.proof.kind;
  return provedBy(request)?.proof.kind ?? 'guard';
}
