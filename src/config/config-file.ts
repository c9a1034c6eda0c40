import { readFileSync } from 'node:fs';
import { isMap, isScalar, parseDocument, visit } from 'yaml';
import { fileFault } from './faults.js';

/** What a configuration file sets, by name, unchecked; or why it cannot be read, in words that repeat nothing of it. */
export type ConfigFile = { readonly values: Readonly<Record<string, unknown>> } | { readonly fault: string };

/** Reads a YAML file of settings. Aliases and tags are refused: settings need neither, and both hide what is set. */
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
  if (hasAlias) return { fault: 'aliases (*name) are not read' };
  if (!isMap(document.contents) || document.contents.tag !== undefined) {
    return { fault: 'it is not a list of settings, each as "name: value"' };
  }
  return { values: document.toJS() as Record<string, unknown> };
}
