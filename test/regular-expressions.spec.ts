import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { isLinear } from './support/patterns.js';

const ROOT = fileURLToPath(new URL('../src', import.meta.url));

/** Those that may take longer than the text is long, and who writes the text. Nobody else's may get there. */
const OF_OPERATORS: Readonly<Record<string, string>> = {
  'auth/jwt/public-keys.ts /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \\1-----/g': 'the file of jwt-public-key',
  'doctor/options.ts /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^]+?-----END (?:TRUSTED )?CERTIFICATE-----/g':
    'the file of --ca',
  'auth/certificates/load-client-trust.ts /-----BEGIN CERTIFICATE-----[^]*?(?:-----END CERTIFICATE-----|$)/g':
    'the file of tls-client-ca',
};

/** Those that are put together, and of what. */
const PUT_TOGETHER: Readonly<Record<string, string>> = {
  "transport/http-listener.ts new RegExp(`^/${MANAGEMENT}(?:[/?]|$)`, 'i')":
    'a random UUID; test/hardening/slow-patterns.spec.ts sees it run',
};

interface Found {
  /** Where and what, as above. */
  readonly name: string;
  /** Undefined where it is put together. */
  readonly pattern: RegExp | undefined;
}

/** Every regular expression that is written in a file. */
function patternsIn(file: string): Found[] {
  const source = ts.createSourceFile(file, readFileSync(join(ROOT, file), 'utf8'), ts.ScriptTarget.Latest, true);
  const found: Found[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/');
      found.push({
        name: `${file} ${node.text}`,
        pattern: new RegExp(node.text.slice(1, end), node.text.slice(end + 1)),
      });
    }
    if ((ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText() === 'RegExp') {
      found.push({ name: `${file} ${node.getText()}`, pattern: undefined });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** What runs in browsers included. */
const found = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.(?:ts|js)$/.test(file))
  .flatMap(patternsIn);
const literals = found.filter((one): one is Found & { pattern: RegExp } => one.pattern !== undefined);

describe('regular expressions', () => {
  it('are found wherever they are', () => {
    const files = new Set(found.map(({ name }) => name.split(' ')[0]));
    expect([...files]).toEqual(
      expect.arrayContaining([
        'auth/credentials.ts',
        'check/page/server.js',
        'doctor/refusal.ts',
        'protocol/rendezvous-message.ts',
        'transport/trusted-proxies.ts',
      ]),
    );
  });

  it('take time in the length of what a peer, a server or an issuer sends', () => {
    const slow = literals.filter(({ pattern }) => !isLinear(pattern)).map(({ name }) => name);
    expect(slow.toSorted()).toEqual(Object.keys(OF_OPERATORS).toSorted());
  });

  it('are written out, but for those whose parts are known', () => {
    expect(found.filter(({ pattern }) => pattern === undefined).map(({ name }) => name)).toEqual(
      Object.keys(PUT_TOGETHER),
    );
  });

  it.each([
    ['Forwarded, pair by pair', /^\s*for\s*=\s*(.*?)\s*$/i],
    ['Forwarded, quoted strings', /"(?:[^"\\]|\\.)*"/g],
    ['Forwarded, elements', /(?:"(?:[^"\\]|\\.)*"|[^",])+/g],
    ['the title of a page', /<title>\s*([^<&]*?)\s*<\/title>/i],
    ['a token behind spaces', /^bearer +(.+)$/i],
    ['spaces at the end', /\s+$/],
    ['a group that repeats itself', /^(?:a+)+$/],
    ['the same character twice over', /^a*a*$/],
    ['alternatives that begin alike', /^(?:\d+|\d+\.\d+)$/],
    ['each match cheap, all together not', /a.*b|a/g],
    ['what is ahead', /a(?=.*b)/g],
    ['what was matched before', /(a+)b\1/],
    ['starts of lines', /^\s*x/m],
  ])('that do not are found out: %s', (_what, pattern) => {
    expect(isLinear(pattern)).toBe(false);
  });

  it.each([
    /^[\w-]+\.[\w-]+\.[\w-]*$/,
    /^(?:[0-9a-f]{2})*$/i,
    /^bearer +([^ ].*)$/i,
    /\d{3,9}/g,
    /[\s\p{Cc}]+/gu,
    /<title>/i,
  ])('that do are let pass: %s', (pattern) => {
    expect(isLinear(pattern)).toBe(true);
  });
});
