import { createHash } from 'node:crypto';
import { VERSION } from '../version.js';

const STYLE =
  ':root{color-scheme:light dark}body{max-width:38rem;margin:4rem auto;padding:0 1rem;font:1rem/1.55 system-ui,sans-serif}' +
  'h1{font-size:1.375rem}code{overflow-wrap:anywhere}';

/** The page loads nothing and runs nothing. Its one style is known by its digest (CSP Level 3). */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const FRONT_PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': POLICY,
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

const ABOUT: Readonly<Record<string, string>> = {
  check: 'tests this server from your browser',
  ice: 'STUN and TURN servers for peers that may connect',
  health: 'all checks, in one word',
  live: 'whether the process answers',
  ready: 'whether newcomers should be sent here',
};

/**
 * Renders what a person sees who opens the server in a browser. `links` are names of paths, and the paths; the page has
 * them relative, so that they work below a path of a proxy too. None holds anything that a request brought.
 */
export function renderFrontPage(links: Readonly<Record<string, string>>): string {
  const items = Object.entries(links).map(
    ([name, path]) => `<li><a href="${path.slice(1)}">${path}</a>: ${ABOUT[name]}</li>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>cairn-signal</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<style>${STYLE}</style>
</head>
<body>
<h1>cairn-signal ${VERSION}</h1>
<p>This is a signaling server. Peers of cairn connect to this address by WebSocket (<code>wss://</code>), on any path, and
find each other here. There is nothing else to see in a browser, except:</p>
<ul>
${items.join('\n')}
</ul>
</body>
</html>
`;
}

/**
 * Whether a client would rather read HTML than JSON (RFC 9110, section 12.5.1). Only one that asks for HTML by name, as
 * browsers do.
 */
export function prefersHtml(accept = ''): boolean {
  return qualityOf('text/html', accept) > qualityOf('application/json', accept);
}

/** The weight of a media type that a client names; 0 if it does not. */
function qualityOf(type: string, accept: string): number {
  for (const range of accept.split(',')) {
    const [name, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    if (name !== type) continue;
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    return weight === undefined ? 1 : Number(weight.slice(2)) || 0;
  }
  return 0;
}
