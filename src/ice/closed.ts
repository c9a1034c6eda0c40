import type { Settings } from '../config/settings.js';

/** The warning where anyone may connect, and so nobody is told of TURN servers. */
export function closedWarning({ turnUrls }: Settings): string {
  return (
    `${turnUrls === undefined ? 'ice-provider' : 'turn-urls'} is set, but anyone may connect, so requests for ICE ` +
    'servers are refused: require a token, or set turn-open to let strangers use the TURN servers'
  );
}

/**
 * V11: whether requests for ICE servers are refused, since strangers would use the TURN servers. `provided`: there is an
 * ICE provider. `open`: anyone may connect.
 */
export function isClosed({ turnUrls, turnOpen }: Settings, provided: boolean, open: boolean): boolean {
  return open && (turnUrls !== undefined || provided) && !turnOpen;
}
