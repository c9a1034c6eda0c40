import { request as plainRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { ok, Trouble, warning } from './finding.js';
import type { Finding } from './finding.js';
import { networkFault } from './network-fault.js';
import type { Subject } from './subject.js';
import { tlsOptions } from './tls.js';
import { exact, printable, time } from './words.js';

/** Bytes of an answer to read; the rest is ignored. */
const MOST_BODY_BYTES = 16_384;

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/**
 * Examines the answer to a plain GET. This server gives its name, others do not, and a proxy without a server says so.
 * Peers do not need this answer, so the worst verdict is a warning. It helps to explain an upgrade that fails.
 */
export async function examineHttp(subject: Subject): Promise<Finding> {
  const from = subject.clock.monotonic();
  try {
    const answer = await get(subject);
    return judge(answer, subject, subject.clock.monotonic() - from);
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    return warning(
      `no answer to GET ${subject.request.target.path}: ${error.found}`,
      `cairn-signal gives an answer; the reference may not. If the upgrade fails too: ${error.advice}`,
    );
  }
}

function judge({ status, headers, body }: Answer, subject: Subject, milliseconds: number): Finding {
  const { request } = subject;
  const ours = ourselves(body);
  subject.protocols = protocolsIn(body);
  const server = headers.server === undefined ? '' : `, from ${subject.quote(String(headers.server))}`;
  const figures = {
    status,
    milliseconds: exact(milliseconds),
    ...ours,
    ...(headers.server !== undefined && { server: subject.quote(String(headers.server)) }),
  };
  const found = `GET ${request.target.path}: ${status}${server}`;
  if (ours !== undefined) {
    return ok(
      `cairn-signal ${ours.version} answers in ${time(milliseconds)}${server === '' ? '' : ` (${server.slice(2)})`}`,
      figures,
    );
  }
  if (status === 502 || status === 503 || status === 504) {
    return warning(
      found,
      'The proxy does not reach the server behind it: ' +
        'make sure that the server runs, listens where the proxy looks, and is ready (/health/ready).',
      figures,
    );
  }
  if (status >= 500) return warning(found, 'The server or proxy that answered failed: look at its log.', figures);
  if (status >= 300 && status < 400) {
    const to = headers.location === undefined ? '' : `, to ${subject.quote(withoutQuery(headers.location))}`;
    return warning(
      `${found}, a redirection${to}`,
      'Peers do not follow redirections: give them the URL that it leads to.',
      figures,
    );
  }
  if (status === 401 || status === 403) {
    return warning(
      found,
      'Something in front of the server asks for a login or keeps strangers out: let this host through. ' +
        'The server asks for its own token.',
      figures,
    );
  }
  if (status === 404) {
    return warning(
      found,
      'That path does not exist there: check host and path, and that the proxy routes them to the server.',
      figures,
    );
  }
  return ok(
    `${found} in ${time(milliseconds)}; it does not say that it is cairn-signal (nor does the reference)`,
    figures,
  );
}

/** Reads the name and version that this server gives at `/`; undefined for another server. */
function ourselves(body: string): { name: string; version: string } | undefined {
  const { name, version } = read(body);
  return name === 'cairn-signal' && typeof version === 'string' ? { name, version: printable(version) } : undefined;
}

/** Reads the subprotocols that this server says it has. Releases before cairn-signal.v2 do not say. */
function protocolsIn(body: string): string[] {
  const { name, protocols } = read(body);
  return name === 'cairn-signal' && Array.isArray(protocols) ? (protocols as string[]) : [];
}

function read(body: string): { name?: unknown; version?: unknown; protocols?: unknown } {
  try {
    return (JSON.parse(body) as object | null) ?? {};
  } catch {
    return {};
  }
}

/** The target of a redirection, without query and fragment, which may hold anything. */
function withoutQuery(location: string): string {
  return location.split(/[?#]/, 1)[0];
}

async function get(subject: Subject): Promise<Answer> {
  const { target } = subject.request;
  const request = (target.secure ? tlsRequest : plainRequest)({
    host: target.host,
    port: target.port,
    path: target.path,
    headers: { Host: new URL(target.url).host },
    lookup: subject.lookup(),
    agent: false,
    ...(target.secure && tlsOptions(subject.request)),
  });
  const answered = new Promise<Answer>((resolve, reject) => {
    request.on('error', (error) => reject(networkFault(error)));
    request.once('response', (response) => {
      let body = '';
      const done = (): void => resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
        if (body.length >= MOST_BODY_BYTES) done();
      });
      // A truncated answer still counts.
      response.on('error', done);
      response.once('close', done);
    });
    // Without this listener, Node would drop an answer with an upgrade that nobody asked for.
    request.once('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '' });
    });
  });
  request.end();
  try {
    return await subject.within(answered, 'nothing came');
  } finally {
    request.destroy();
  }
}
