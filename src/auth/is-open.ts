import type { Settings } from '../config/settings.js';

/** The warning where anyone may connect who is not on this machine. */
export const OPEN =
  'anyone who reaches this address may connect, directly or through a proxy: ' +
  'set auth-token, auth-token-file or jwt-issuer to require a token';

/**
 * Whether anyone may connect. The settings alone do not tell: `there` says whether tokens are listed and whether there
 * are custom guards.
 */
export function isOpen(
  { jwtIssuer, tlsClientCa }: Settings,
  there: { readonly tokens: boolean; readonly guards: boolean },
): boolean {
  return !there.tokens && !there.guards && jwtIssuer === undefined && tlsClientCa === undefined;
}
