import { readFileSync } from 'node:fs';
import { isMap, isScalar, parseDocument, visit } from 'yaml';
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
    return {
      fault: `it is not plain YAML${start === undefined ? '' : `: see line ${start.line}, column ${start.col}`}`,
    };
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
