import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Peer } from '../../support/peer.js';
import { endPrograms, MAIN, Program } from '../../support/program.js';
import type { Ended } from '../../support/program.js';
import { HANDSHAKE, RawConnection } from '../../support/raw-http.js';

const SERVE = ['--listen-addr', '127.0.0.1:0'];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-signal-code-'));
  writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}');
});
afterEach(endPrograms);
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
/** Writes a file with code, of this kind, and returns its path. */
function write(text: string, kind = 'mjs'): string {
  const path = join(folder, `number-${++count}`, `code.${kind}`);
  mkdirSync(dirname(path));
  writeFileSync(path, text);
  return path;
}

/** What the server says of each of these files when it loads them as guards. In Node's own module system, not Jest's. */
async function faultsOf(paths: readonly string[]): Promise<string[]> {
  const script = `import { loadExtensions } from ${JSON.stringify(new URL('extensions.js', pathToFileURL(MAIN)).href)};
    const faults = ${JSON.stringify(paths)}.map((path) => loadExtensions({ guards: [path] }).then(() => 'none', String));
    console.log(JSON.stringify(await Promise.all(faults)));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  return JSON.parse(stdout) as string[];
}

/** The lines that a program printed at this level. */
function lines({ stdout }: Ended, level: string): Record<string, unknown>[] {
  return stdout
    .trim()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line.level === level);
}

/** A function that refuses requests with this number. */
const refusing = (i: number): string => `(context) => context.switchToHttp().getRequest().headers["x-no"] !== "${i}"`;

describe('a file with guards', () => {
  const forms: [what: string, kind: string, text: string][] = [
    [
      'a default export compiled to CommonJS',
      'cjs',
      `exports.__esModule = true; exports.default = class { canActivate(c) { return (YES)(c); } };`,
    ],
    [
      'a named export compiled to CommonJS',
      'js',
      `Object.defineProperty(exports, "__esModule", { value: true }); exports.G = void 0; class G { canActivate(c) { return (YES)(c); } } exports.G = G;`,
    ],
    [
      'classes that only module.exports has',
      'cjs',
      `const all = {}; all["G"] = class { canActivate(c) { return (YES)(c); } }; module.exports = all;`,
    ],
    ['a class as module.exports', 'cjs', `module.exports = class { canActivate(c) { return (YES)(c); } };`],
    ['a default export', 'mjs', `export default class { canActivate(c) { return (YES)(c); } }`],
    ['an arrow function as a field', 'mjs', `export class G { canActivate = YES; }`],
    ['a minified field', 'mjs', `export class G{x=1;canActivate=YES}`],
    ['a field set in the constructor', 'mjs', `export class G { constructor() { this.canActivate = YES; } }`],
    [
      'a field defined as compilers do',
      'mjs',
      `export class G { constructor() { Object.defineProperty(this, "canActivate", { value: YES }); } }`,
    ],
    ['a class of ES5', 'cjs', `function G() { this.canActivate = YES; } exports.G = G;`],
    ['an inherited field', 'mjs', `class Base { canActivate = YES; } export class G extends Base {}`],
    [
      'a field beside another use of the word',
      'mjs',
      `export class G { canActivate = YES; } export class Other { ask(g) { const canActivate = g.canActivate(); return canActivate; } }`,
    ],
  ];
  it('G7: is loaded with exports and methods in any form that compilers give them', async () => {
    const guards = forms.flatMap(([, kind, text], i) => ['--guard', write(text.replaceAll('YES', refusing(i)), kind)]);
    const program = new Program([...SERVE, ...guards]);
    const url = `ws://127.0.0.1:${await program.port()}`;
    await Peer.connect(url);
    for (const [i, [what]] of forms.entries()) {
      const { status } = await Peer.refused(url, { headers: { 'X-No': String(i) } });
      expect([what, status]).toEqual([what, 403]);
    }
  });

  const mistakes: [what: string, kind: string, text: string, why: string][] = [
    [
      'a function',
      'mjs',
      'export function canActivate() { return true; }',
      'it exports no class with a method "canActivate": "canActivate" is a function. Make it the method "canActivate" of a class, and export that',
    ],
    [
      'a default arrow function',
      'mjs',
      'export default () => true;',
      'it exports no class with a method "canActivate": "default" is a function.',
    ],
    [
      'an object',
      'mjs',
      'export const guard = { canActivate: () => true };',
      'it exports no class with a method "canActivate": "guard" is an object. Export its class',
    ],
    [
      'an instance',
      'cjs',
      'class G { canActivate() { return true; } } exports.default = new G();',
      '"default" is an object. Export its class',
    ],
    [
      'a static method',
      'mjs',
      'export class G { static canActivate() { return true; } }',
      '"canActivate" of "G" is static',
    ],
    [
      'an abstract class',
      'mjs',
      'export class Base { constructor() { if (new.target === Base) throw new Error(); } }',
      'the class "Base" has none',
    ],
    ['nothing', 'mjs', 'export {};', 'it exports no class with a method "canActivate"'],
    [
      'CommonJS in an ES module',
      'mjs',
      'exports.G = class { canActivate() { return true; } };',
      '(it is compiled to CommonJS: name it .cjs, or compile it to an ES module)',
    ],
    [
      'an ES module in CommonJS',
      'cjs',
      'export class G { canActivate() { return true; } }',
      '(Node reads it as CommonJS: name it .mjs',
    ],
    [
      'TypeScript that Node does not run',
      'ts',
      'enum Day { Sunday }\nexport class G { canActivate(): boolean { return Day.Sunday === 0; } }',
      '(this Node does not run this TypeScript: compile it, and name the JavaScript)',
    ],
    [
      'an export that throws',
      'cjs',
      'Object.defineProperty(exports, "x", { enumerable: true, get() { throw new Error("not today"); } });',
      'not today',
    ],
  ];
  it('G7: stops the start where it exports something else, and says what that is', async () => {
    const paths = mistakes.map(([, kind, text]) => write(text, kind));
    const faults = await faultsOf(paths);
    for (const [i, [what, , , why]] of mistakes.entries()) {
      expect([what, faults[i]]).toEqual([what, expect.stringContaining(why)]);
      expect(faults[i].startsWith(`StartupError: guards ${JSON.stringify(paths[i])}: `)).toBe(true);
      expect(faults[i]).not.toContain('\n');
    }
  });

  it('G7: stops the start where its class turns out to make objects without the method', async () => {
    const guard = write('export class G { canActivate = true; }');
    const { code, stderr } = await new Program([...SERVE, '--guard', guard]).ended;
    expect([code, stderr]).toEqual([1, 'cairn-signal: guards: G makes objects without a method "canActivate"\n']);
  });

  it('G7: the same holds for a topic policy', async () => {
    const text = 'exports.default = class { allows = (principal, action) => action === "subscribe"; };';
    const program = new Program([...SERVE, '--topic-policy', write(text, 'cjs')]);
    const peer = await Peer.connect(`ws://127.0.0.1:${await program.port()}`);
    expect(await peer.say({ type: 'query', topic: 't' })).toMatchObject([{ code: 'forbidden' }]);
    const path = write('export const policy = { allows: () => true };');
    expect((await new Program([...SERVE, '--topic-policy', path]).ended).stderr).toContain(
      `topic-policy ${JSON.stringify(path)}: it exports no class with a method "allows": "policy" is an object.`,
    );
  });
});

describe('code that changes', () => {
  it('G8: is named on SIGHUP as long as it differs from what runs, since it needs a restart; other files are not', async () => {
    const text = (answer: boolean): string => `export class G { canActivate() { return ${answer}; } }`;
    const guard = write(text(true));
    const policy = write('export class P { allows() { return true; } }');
    const program = new Program([...SERVE, '--guard', guard, '--topic-policy', policy]);
    const url = `ws://127.0.0.1:${await program.port()}`;
    const reloaded = async (pattern: RegExp): Promise<void> => {
      program.signal('SIGHUP');
      await program.printed(pattern);
    };
    // The same content is no change. The line about the policy would stand right behind the one about the guard.
    writeFileSync(policy, 'export class P { allows() { return true; } }');
    writeFileSync(guard, text(false));
    await reloaded(/has changed: code is read only when the server starts, so restart it/);
    rmSync(policy);
    await reloaded(/cannot be read any more: code is read only/);
    await Peer.connect(url);
    program.signal('SIGTERM');
    const ended = await program.ended;
    expect(ended.code).toBe(0);
    expect(lines(ended, 'warn').filter(({ target }) => target === 'cairn_signal::reload')).toMatchObject([
      { msg: expect.stringContaining(`guards ${JSON.stringify(guard)} has changed`) },
      { msg: expect.stringContaining(`guards ${JSON.stringify(guard)} has changed`) },
      { msg: expect.stringContaining('topic-policy') },
    ]);
  });
});

/** A guard that does this when it is asked. */
const thatDoes = (what: string): string => `import { EventEmitter } from 'node:events';
import { connect } from 'node:net';
export class Stray { canActivate() { ${what}; return true; } }`;

describe('an error in the code of an operator that nothing catches', () => {
  it.each([
    ['a timer', 'setTimeout(() => { throw new Error("s3cret"); })', 'thrown by'],
    ['a promise that nobody awaits', 'void (async () => { await null; throw new Error("s3cret"); })()', 'thrown by'],
    ['an event', 'setTimeout(() => new EventEmitter().emit("error", new Error("s3cret")))', 'thrown by'],
    ['a word', 'setTimeout(() => { throw "s3cret"; })', 'probably of'],
    ['a rejection with a word', 'void Promise.reject("s3cret")', 'probably of'],
    ['nothing', 'setTimeout(() => { throw undefined; })', 'probably of'],
    ['a socket', 'connect(1, "127.0.0.1")', 'probably of'],
    ['a proxy', 'setTimeout(() => { throw new Proxy({}, { get() { throw 1; } }); })', 'probably of'],
  ])(
    'G9: %s ends the program in order with 1; the log names the file, and the text at debug',
    async (_what, does, of) => {
      const path = write(thatDoes(does));
      const program = new Program([...SERVE, '--guard', path, '--drain-delay', '1h'], { RUST_LOG: 'debug' });
      const peer = await Peer.connect(`ws://127.0.0.1:${await program.port()}`);
      expect((await peer.closed).code).toBe(1001);
      const ended = await program.ended;
      expect([ended.code, ended.stderr]).toEqual([1, '']);
      expect(lines(ended, 'error')).toMatchObject([
        { msg: `the server stops because of an error that nothing caught, ${of} guards ${JSON.stringify(path)}` },
      ]);
      const above = ['error', 'warn', 'info'].flatMap((level) => lines(ended, level));
      expect(JSON.stringify(above)).not.toContain('s3cret');
      // Of what is no error, there is no text.
      const text = /Error\(|Promise\.reject/.test(does) ? 's3cret' : '"what nothing caught"';
      expect(JSON.stringify(lines(ended, 'debug'))).toContain(text);
    },
  );

  it('G9: ends the start with 1, too', async () => {
    const path = write(`${thatDoes('')}; connect(1, '127.0.0.1');`);
    const ended = await new Program([...SERVE, '--guard', path]).ended;
    expect([ended.code, ended.stderr]).toEqual([1, '']);
    expect(lines(ended, 'error')).toMatchObject([{ msg: expect.stringContaining(JSON.stringify(path)) }]);
  });

  it('G9: names the guard, not the policy, for a file beside it', async () => {
    const guard = write(
      "import { later } from './lib.mjs'; export class G { canActivate() { later(); return true; } }",
    );
    writeFileSync(
      join(dirname(guard), 'lib.mjs'),
      'export const later = () => setTimeout(fail); function fail() { throw new TypeError("s3cret"); }',
    );
    const policy = write('export class P { allows() { return true; } }');
    const program = new Program([...SERVE, '--guard', guard, '--topic-policy', policy]);
    const connection = await RawConnection.open(await program.port());
    connection.write(HANDSHAKE);
    expect(lines(await program.ended, 'error')).toMatchObject([
      {
        msg: `the server stops because of an error that nothing caught, thrown by guards ${JSON.stringify(guard)}`,
        error: expect.stringMatching(/^TypeError at .*lib\.mjs/),
      },
    ]);
    connection.socket.destroy();
  });
});
