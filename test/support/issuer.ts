import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWK, JWTHeaderParameters, JWTPayload } from 'jose';

/** A key that an issuer signs with. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  /** The public key, as in a key set. */
  readonly jwk: JWK;
  /** The public key, as in a file. */
  readonly pem: string;
}

export async function makeKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return {
    kid,
    alg,
    privateKey,
    publicKey,
    jwk: { ...(await exportJWK(publicKey)), kid },
    pem: await exportSPKI(publicKey),
  };
}

/** Makes a JWT with exactly these claims. `header` is added to the algorithm and the key. */
export function sign(key: SigningKey, claims: JWTPayload, header: Partial<JWTHeaderParameters> = {}): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: key.alg, kid: key.kid, ...header }).sign(key.privateKey);
}

/** Makes a JWT from its parts. Nothing is checked or signed. */
export function compact(header: unknown, claims: unknown, signature: Uint8Array | string = ''): string {
  const encode = (part: unknown): string =>
    Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
  return `${encode(header)}.${encode(claims)}.${Buffer.from(signature as Uint8Array).toString('base64url')}`;
}

const running = new Set<TestIssuer>();

/** An issuer of JWTs on loopback, as seen by those who fetch its keys. Its answers can be changed at any time. */
export class TestIssuer {
  /** The keys that it publishes. */
  keys: (JWK & { readonly issuer?: string })[] = [];
  /** Answers instead of the issuer, if set. Undefined never answers. */
  answer: ((response: ServerResponse, path: string) => void) | 'never' | undefined;
  /** The requested paths, in order. */
  readonly asked: string[] = [];
  #heard: (() => void)[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<TestIssuer> {
    const server = createServer((request, response) => issuer.#handle(request.url ?? '', response));
    const issuer = new TestIssuer(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    running.add(issuer);
    return issuer;
  }

  /** Its URL, as in the claim `iss`. */
  get name(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get keysUrl(): string {
    return `${this.name}/keys`;
  }

  /** Resolves on the next request. */
  heard(): Promise<void> {
    return new Promise((resolve) => {
      this.#heard.push(resolve);
    });
  }

  async stop(): Promise<void> {
    running.delete(this);
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  #handle(path: string, response: ServerResponse): void {
    this.asked.push(path);
    for (const resolve of this.#heard.splice(0)) resolve();
    if (this.answer === 'never') return;
    if (this.answer !== undefined) this.answer(response, path);
    else if (path === '/keys') response.end(JSON.stringify({ keys: this.keys }));
    else if (path === '/.well-known/openid-configuration') {
      response.end(JSON.stringify({ issuer: this.name, jwks_uri: this.keysUrl }));
    } else response.writeHead(404).end();
  }
}

/** Stops every issuer that is still running. */
export async function stopIssuers(): Promise<void> {
  await Promise.all([...running].map((issuer) => issuer.stop()));
}
