import { readFileSync } from 'node:fs';
import { isMap, isScalar, parseDocument, visit } from 'yaml';
import type { YAMLError } from 'yaml';
import { fileFault } from './faults.js';

/**
 * The unchecked values of a configuration file by name, or why it cannot be read. The fault quotes nothing from the
 * file.
 */
export type ConfigFile = { readonly values: Readonly<Record<string, unknown>> } | { readonly fault: string };

/** Reads a YAML file of settings. Refuses aliases and tags: settings need neither, and both hide what is set. */
export function readConfigFile(path: string): ConfigFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return { fault: fileFault(error) };
  }
  const document = parseDocument(text);
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    const [start] = problem.linePos ?? [];
    const where = start === undefined ? '' : `: see line ${start.line}, column ${start.col}`;
    return { fault: `it is not plain YAML${where} (${reasonOf(problem, text)})` };
  }
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) {
    return { values: {} };
  }

  let hasAlias = false;
  visit(document, {
    Alias: () => {
      hasAlias = true;
      return visit.BREAK;
    },
  });
  if (hasAlias) return { fault: 'it uses an alias (*name), which is not supported' };
  if (!isMap(document.contents) || document.contents.tag !== undefined) {
    return { fault: 'expected settings, each as "name: value"' };
  }
  return { values: document.toJS() as Record<string, unknown> };
}

const QUOTES = 'a value that begins with this character needs quotes';
const INDENTATION = 'bad indentation: settings begin in the first column, the elements of a list below them';

/** What the errors of the parser mean. Its own messages may quote the file. */
const REASONS: { readonly [Code in YAMLError['code']]?: string } = {
  DUPLICATE_KEY: 'duplicate key: each setting may be there once',
  TAB_AS_INDENT: 'a tab: indent with spaces',
  BAD_SCALAR_START: QUOTES,
  BAD_ALIAS: QUOTES,
  TAG_RESOLVE_FAILED: 'a tag (!name), which is not supported; a value that begins with ! needs quotes',
  MULTIPLE_DOCS: 'a second document: there may be one',
  BAD_DQ_ESCAPE: 'a backslash that means nothing in double quotes: use single quotes',
  BAD_DIRECTIVE: 'a directive that is not supported',
  BLOCK_AS_IMPLICIT_KEY: INDENTATION,
  MULTILINE_IMPLICIT_KEY: INDENTATION,
};

/** Says why the parser gives up, in words that quote nothing from the file. */
function reasonOf({ code, message, linePos }: YAMLError, text: string): string {
  const written = text.split(/\r?\n/)[(linePos?.[0].line ?? 1) - 1] ?? '';
  if (written.includes('[') && /\]:\d/.test(written)) return 'an IPv6 address needs quotes: "[::]:8080"';
  if (code === 'MISSING_CHAR' && /quote/.test(message)) return 'a quote that is not closed';
  if (code === 'BAD_INDENT' && message.startsWith('Flow ')) return 'a bracket that is not closed';
  if (code === 'BLOCK_AS_IMPLICIT_KEY' && written.split(': ').length > 2) return 'a value with ": " in it needs quotes';
  if (/^[\w-]+:[^\s]/.test(written)) return 'a colon without a space behind it: write "name: value"';
  return REASONS[code] ?? (/^\s/.test(written) || /at node end/.test(message) ? INDENTATION : EXPECTED);
}

const EXPECTED = 'expected settings, each as "name: value", and values with special characters in quotes';
