import type { X509Certificate } from 'node:crypto';
import { BlockList } from 'node:net';
import { connect, rootCertificates } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { chainFault, isSelfIssued, presentedChain } from './certificate-chain.js';
import { failed, ok, skipped, Trouble, warning } from './finding.js';
import type { Finding } from './finding.js';
import { networkFault } from './network-fault.js';
import type { Request, Subject } from './subject.js';
import { isAddress } from './target.js';
import { counted, exact, printable, time } from './words.js';

const DAY_MS = 86_400_000;
/** Certificates that are renewed automatically have more days left than this. */
const SOON_DAYS = 14;
const WRONG_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID';

/**
 * TLS options for a connection to the target. It verifies the server as peers do, and shows the client certificate, if
 * there is one.
 */
export function tlsOptions({ target, ca, certificate }: Request): ConnectionOptions {
  return {
    ...(!isAddress(target) && { servername: target.host }),
    ...(ca !== undefined && { ca: [...rootCertificates, ca] }),
    ...certificate,
  };
}

/**
 * Examines the certificate and its chain as peers see them: trusted, complete, for this name, and not about to expire.
 * Looks at every address; the worst finding counts.
 */
export async function examineTls(subject: Subject): Promise<Finding> {
  if (!subject.request.target.secure) return plaintext(subject);
  let worst: Finding | undefined;
  for (const [index, { address }] of subject.reachable.entries()) {
    const finding = await examineAddress(subject, index);
    if (worst === undefined || severity(finding) > severity(worst)) {
      worst =
        subject.reachable.length === 1 || finding.advice === undefined
          ? finding
          : { ...finding, found: `at ${address}: ${finding.found}` };
    }
  }
  return worst!;
}

function severity({ verdict }: Finding): number {
  return ['ok', 'warning', 'failed'].indexOf(verdict);
}

async function examineAddress(subject: Subject, index: number): Promise<Finding> {
  const from = subject.clock.monotonic();
  let socket: TLSSocket;
  try {
    socket = await handshake(subject, index);
  } catch (error) {
    if (error instanceof Trouble) return failed(error.found, error.advice);
    throw error;
  }
  try {
    return judge(subject.request, socket, subject.clock.monotonic() - from);
  } finally {
    socket.destroy();
  }
}

/**
 * Opens a TLS connection, whatever the certificate is worth, and sends nothing over it. `alpn` is what will be spoken
 * over it; nothing is said of that if it is empty.
 */
export async function handshake(
  subject: Subject,
  index: number,
  alpn = ['http/1.1'],
  explain: (error: unknown) => Trouble = networkFault,
): Promise<TLSSocket> {
  const { target } = subject.request;
  const socket = connect({
    host: target.host,
    port: target.port,
    lookup: subject.lookup(index),
    rejectUnauthorized: false,
    ...(alpn.length > 0 && { ALPNProtocols: alpn }),
    ...tlsOptions(subject.request),
  });
  const secured = new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.on('error', (error) => reject(explain(error)));
    socket.once('close', () => reject(explain(Object.assign(new Error('closed'), { code: 'ECONNRESET' }))));
  });
  try {
    await subject.within(secured, 'no TLS handshake');
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** What the certificate of an open connection to the target is worth. */
export function judge(request: Request, socket: TLSSocket, milliseconds: number): Finding {
  const { host } = request.target;
  const now = Date.now();
  // A string, whatever its type says. It is OpenSSL's verdict on the chain or, if the chain is trusted, Node's verdict
  // on the name.
  const code = socket.authorized ? undefined : String(socket.authorizationError);
  const trusted = code === undefined || code === WRONG_NAME;
  const chain = presentedChain(socket.getPeerX509Certificate()!);
  const last = relevant(chain, trusted, now).reduce((soonest, one) =>
    Date.parse(one.validTo) < Date.parse(soonest.validTo) ? one : soonest,
  );
  const expires = new Date(last.validTo);
  const days = Math.floor((expires.getTime() - now) / DAY_MS);
  const protocol = socket.getProtocol() ?? 'TLS';
  const figures = {
    protocol,
    chain: chain.map(commonName),
    expires: expires.toISOString(),
    days,
    milliseconds: exact(milliseconds),
  };
  const which = last === chain[0] ? 'the certificate' : `the intermediate certificate ${commonName(last)}`;
  const day = expires.toISOString().slice(0, 10);

  if (expires.getTime() < now) {
    return failed(
      `${protocol}; ${which} expired on ${day}`,
      'Renew it. Make sure that automatic renewal runs, and that the TLS endpoint loads the new certificate.',
      figures,
    );
  }
  if (code === 'CERT_NOT_YET_VALID') {
    return failed(
      `${protocol}; the certificate is not valid before ${new Date(chain[0].validFrom).toISOString()}`,
      'Check the clocks of this machine and of the server, or wait.',
      figures,
    );
  }
  if (code === WRONG_NAME) {
    return failed(
      `${protocol}; the certificate is not for ${host} but for ${namesOf(chain[0])}`,
      'Use one of those names in the URL, or get a certificate for this one. ' +
        'Behind a proxy, make sure that it picks the certificate by SNI.',
      figures,
    );
  }
  if (code !== undefined) {
    const { found, advice } = chainFault(chain, code, request.ca !== undefined);
    return failed(`${protocol}; ${found}`, advice, figures);
  }
  const found =
    `${protocol} in ${time(milliseconds)}; trusted, for this name; ` +
    `${which} expires on ${day}, in ${counted(days, 'day')}`;
  if (days < SOON_DAYS) return warning(found, 'Renew it now, and make sure that automatic renewal runs.', figures);
  return ok(found, figures);
}

/**
 * The certificates whose expiry matters. Not a root, which is trusted whatever its date. Not an expired one that the
 * chain does without, such as a cross-signed one.
 */
function relevant(chain: readonly X509Certificate[], trusted: boolean, now: number): X509Certificate[] {
  return chain.filter(
    (one, index) => index === 0 || !(isSelfIssued(one) || (trusted && Date.parse(one.validTo) < now)),
  );
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

function plaintext({ addresses, request }: Subject): Finding {
  const local = addresses.every(({ address, family }) => LOOPBACK.check(address, family === 4 ? 'ipv4' : 'ipv6'));
  if (local) return skipped('plaintext (ws://), on this machine');
  return warning(
    `plaintext (ws://): everyone on the way can read the topics${request.token === undefined ? '' : ' and the token'}`,
    'Serve wss:// (tls-cert and tls-key, or a proxy that terminates TLS), except inside a network that you trust.',
  );
}

function commonName(certificate: X509Certificate): string {
  return printable(
    certificate.subject
      .split('\n')
      .find((line) => line.startsWith('CN='))
      ?.slice('CN='.length) ?? certificate.subject.replaceAll('\n', ', '),
  );
}

function namesOf(certificate: X509Certificate): string {
  const names = certificate.subjectAltName?.split(', ').map((name) => name.replace(/^(?:DNS|IP Address):/, ''));
  return names === undefined ? commonName(certificate) : printable(names.join(', '));
}
