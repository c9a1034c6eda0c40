import type { Settings } from '../config/settings.js';

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
