import type { Settings } from '../config/settings.js';

/** Whether nothing decides who may connect; the settings alone do not tell whether there are tokens and custom guards. */
export function isOpen(
  { jwtIssuer, tlsClientCa }: Settings,
  there: { readonly tokens: boolean; readonly guards: boolean },
): boolean {
  return !there.tokens && !there.guards && jwtIssuer === undefined && tlsClientCa === undefined;
}
