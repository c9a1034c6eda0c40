import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const CLIENT = fileURLToPath(new URL('../../', import.meta.url));

/** A piece of code in a document. */
export interface Snippet {
  /** Document and line, such as README.md:12. */
  readonly at: string;
  /** The heading above it. */
  readonly heading: string;
  readonly language: string;
  readonly code: string;
}

/** What documents of the client take for granted, beside what they import. They say so where the examples begin. */
const GRANTED = `
  declare const connect: typeof import('cairn-signal-client').connect;
  declare const connectPeer: typeof import('cairn-signal-client/rtc').connectPeer;
  declare const connectPeers: typeof import('cairn-signal-client/rtc').connectPeers;
  declare const signal: import('cairn-signal-client').Signal;
  declare const secret: Uint8Array<ArrayBuffer>;
  declare const token: string;
  declare function fetchToken(): Promise<string>;
  /** Of the application. */
  declare function show(payload: Uint8Array, from: import('cairn-signal-client').Member | '' | undefined): void;
  /** Of cairn. */
  declare const pairingSecret: Uint8Array<ArrayBuffer>;
  declare const manager: { addBackend(backend: {
    readonly name: string;
    publish(id: { toHex(): string }, payload: Uint8Array): Promise<void>;
    query(id: { toHex(): string }): Promise<Uint8Array | null>;
    stop(): Promise<void>;
  }): void };
`;

/** Packages that are not installed here, as far as the documents use them. */
const OTHERS = `
  declare module 'react' {
    export function useEffect(effect: () => void | (() => void), deps?: readonly unknown[]): void;
    export function useState<S>(initial: S | (() => S)): [S, (next: S | ((before: S) => S)) => void];
  }
  declare module 'oidc-client-ts' {
    export interface User { readonly access_token: string; readonly expired: boolean | undefined }
    export class UserManager {
      constructor(settings: { authority: string; client_id: string; redirect_uri: string });
      getUser(): Promise<User | null>;
      signinSilent(): Promise<User | null>;
    }
  }
`;

/** All snippets in client/README.md and client/docs. */
export function snippets(): Snippet[] {
  const documents = ['README.md', ...readdirSync(join(CLIENT, 'docs')).map((name) => join('docs', name))];
  return documents
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) => {
      const text = readFileSync(join(CLIENT, path), 'utf8');
      return [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(({ index, 1: language, 2: code }) => {
        const before = text.slice(0, index);
        const [, heading] = [...before.matchAll(/^#+ (.*)$/gm)].at(-1)!;
        return { at: `${path}:${before.split('\n').length}`, heading, language, code };
      });
    });
}

/** What TypeScript has against snippets, each a module of its own beside what documents take for granted. */
export function faultsOf(checked: readonly Snippet[]): string[] {
  const sources = new Map(
    checked.map(({ at, language, code }) => [
      join(CLIENT, `${at.replaceAll(/\W/g, '-')}.${language}`),
      `${code}\nexport {};\n`,
    ]),
  );
  sources.set(join(CLIENT, 'granted.d.ts'), GRANTED).set(join(CLIENT, 'others.d.ts'), OTHERS);
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    jsx: ts.JsxEmit.Preserve,
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    paths: Object.fromEntries(
      Object.entries({ '': 'index', '/rtc': 'rtc', '/cairn': 'cairn' }).map(([path, file]) => [
        `cairn-signal-client${path}`,
        [join(CLIENT, `src/${file}.ts`)],
      ]),
    ),
  };
  const host = ts.createCompilerHost(options);
  const disk = { ...host };
  host.fileExists = (path) => sources.has(path) || disk.fileExists(path);
  host.readFile = (path) => sources.get(path) ?? disk.readFile(path);
  host.getSourceFile = (path, target, ...more) => {
    const source = sources.get(path);
    return source === undefined ? disk.getSourceFile(path, target, ...more) : ts.createSourceFile(path, source, target);
  };
  const program = ts.createProgram([...sources.keys()], options, host);
  const faults = [...sources.keys()].flatMap((path) => ts.getPreEmitDiagnostics(program, program.getSourceFile(path)));
  return faults.map(({ file, start, messageText }) => {
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return `${file?.fileName.slice(CLIENT.length)} line ${line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}
