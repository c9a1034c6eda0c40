import { readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { LOG_EVENTS } from '../../src/logging/log-table.js';
import type { LogEventRow } from '../../src/logging/log-table.js';

/** What the code of the server logs. */
export interface LogCalls {
  /** Events that are logged somewhere. */
  readonly events: ReadonlySet<string>;
  /** Places that write lines otherwise than by the table, or with fields that it does not declare. */
  readonly faults: readonly string[];
}

const SRC = resolve('src');
const ROWS: Readonly<Record<string, Readonly<Record<string, LogEventRow>>>> = LOG_EVENTS;
/** Passes on what others log. */
const INSIDE = 'logging/throttled-log.ts';
/** Loggers that write past the table, by what they are imported from. */
const LOGGERS: Readonly<Record<string, RegExp>> = {
  pino: /./,
  'pino-pretty': /./,
  '@nestjs/common': /^(?:Logger|ConsoleLogger)$/,
};

/**
 * Walks the code, with what `more` has besides, as texts by their paths below src. Reads types of the project's own files
 * only: what dependencies declare is unknown here, and `npm run typecheck` knows it.
 */
export function logCalls(more: Readonly<Record<string, string>> = {}): LogCalls {
  const added = new Map(Object.entries(more).map(([path, text]) => [join(SRC, path), text]));
  const program = programOf(added);
  const walk = new Walk(program.getTypeChecker());
  for (const file of program.getSourceFiles()) {
    if (!file.isDeclarationFile && !file.fileName.includes('/page/')) walk.file(file);
  }
  return walk;
}

function programOf(added: ReadonlyMap<string, string>): ts.Program {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  const options = ts.parseJsonConfigFileContent(
    ts.readConfigFile('tsconfig.json', (path) => ts.sys.readFile(path)).config,
    ts.sys,
    '.',
  ).options;
  const host = ts.createCompilerHost(options);
  host.readFile = (path) => added.get(path) ?? ts.sys.readFile(path);
  host.fileExists = (path) => added.has(path) || ts.sys.fileExists(path);
  host.resolveModuleNameLiterals = (names, from) =>
    names.map(({ text }) => {
      const path = text.startsWith('.') ? resolve(from, '..', text).replace(/\.js$/, '.ts') : undefined;
      const there = path !== undefined && host.fileExists(path);
      return { resolvedModule: there ? { resolvedFileName: path, extension: ts.Extension.Ts } : undefined };
    });
  const roots = [...files.map((path) => join(SRC, path)), ...added.keys()];
  return ts.createProgram(roots, { ...options, types: [], noEmit: true }, host);
}

class Walk implements LogCalls {
  readonly events = new Set<string>();
  readonly faults: string[] = [];

  constructor(private readonly checker: ts.TypeChecker) {}

  file(file: ts.SourceFile): void {
    const path = relative(SRC, file.fileName);
    const isInside = path === INSIDE;
    const visit = (node: ts.Node): void => {
      if (ts.isImportDeclaration(node) && !path.startsWith('logging/')) this.#import(node);
      if (ts.isPropertyAccessExpression(node)) this.#access(node, path);
      if (!isInside && ts.isCallExpression(node)) this.#call(node);
      ts.forEachChild(node, visit);
    };
    visit(file);
  }

  #import(node: ts.ImportDeclaration): void {
    const { importClause } = node;
    const loggers = LOGGERS[(node.moduleSpecifier as ts.StringLiteral).text];
    if (loggers === undefined || importClause === undefined || importClause.phaseModifier !== undefined) return;
    const named = importClause.namedBindings;
    const names =
      named !== undefined && ts.isNamedImports(named)
        ? named.elements
            .filter(({ isTypeOnly }) => !isTypeOnly)
            .map(({ propertyName, name }) => (propertyName ?? name).text)
        : ['default'];
    for (const name of names) if (loggers.test(name)) this.#fault(node, `imports the logger ${name}`);
  }

  /** Nothing but main.ts prints, and nothing at all by console or as a warning of Node. */
  #access(node: ts.PropertyAccessExpression, path: string): void {
    const text = node.getText();
    if (/^console\.\w+$/.test(text) || text === 'process.emitWarning') this.#fault(node, `uses ${text}`);
    if (/^process\.(?:stdout|stderr)\.write$/.test(text) && path !== 'main.ts') this.#fault(node, `uses ${text}`);
  }

  #call(node: ts.CallExpression): void {
    if (!ts.isPropertyAccessExpression(node.expression) || node.expression.name.text !== 'write') return;
    const log = this.checker.getTypeAtLocation(node.expression.expression);
    // Nothing else has that name, and both have the part as their only parameter.
    if (log.symbol?.name !== 'Log' && log.symbol?.name !== 'ThrottledLog') return;
    const [part] = namesIn(this.checker.getTypeArguments(log as ts.TypeReference)[0]) ?? [];
    const [event, fields] = node.arguments;
    const events = namesIn(this.checker.getTypeAtLocation(event)) ?? [];
    if (part === undefined || events.length === 0) this.#fault(node, `logs ${event.getText()}, which may be any event`);
    for (const name of events) this.events.add(name);
    if (fields !== undefined) this.#fields(node, part, events, fields);
  }

  /** TypeScript lets a spread have more properties than are asked for. */
  #fields(node: ts.Node, part: string, events: readonly string[], fields: ts.Expression): void {
    const type = this.checker.getTypeAtLocation(fields);
    const given = (type.isUnion() ? type.types : [type]).flatMap((one) => this.checker.getPropertiesOfType(one));
    for (const event of events) {
      const declared = ROWS[part]?.[event]?.fields.map((name) => name.replace('?', '')) ?? [];
      const unknown = new Set(given.map(({ name }) => name).filter((name) => !declared.includes(name)));
      for (const name of unknown) this.#fault(node, `gives ${event} the field ${name}, which it does not have`);
    }
  }

  #fault(node: ts.Node, what: string): void {
    const file = node.getSourceFile();
    const { line } = file.getLineAndCharacterOfPosition(node.getStart());
    this.faults.push(`${relative(SRC, file.fileName)}:${line + 1} ${what}`);
  }
}

/** Returns the strings that a type consists of; undefined for any other type. */
function namesIn(type: ts.Type): string[] | undefined {
  const types = type.isUnion() ? type.types : [type];
  return types.every((one) => one.isStringLiteral()) ? types.map(({ value }) => value) : undefined;
}
