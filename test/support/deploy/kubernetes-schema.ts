import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** A file next to this one that exists only in memory, so that its imports are found. */
const MANIFEST = fileURLToPath(new URL('manifest.ts', import.meta.url));

const OPTIONS: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: [],
  lib: ['lib.es5.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
};

/** Declarations are parsed once for all manifests. */
const parsed = new Map<string, ts.SourceFile | undefined>();

/**
 * Finds where an object is not what the Kubernetes API describes: fields that do not exist, are missing, or have
 * another type. Uses the compiler and the published types. Unlike the API's own schema, they leave no room for a
 * mistyped field.
 */
export function schemaFaults(object: object): string[] {
  const { apiVersion = '', kind = '' } = object as { apiVersion?: string; kind?: string };
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['core', apiVersion];
  const code = `import type { ${kind} as Kind } from 'kubernetes-types/${group.split('.')[0]}/${version}.js';
export const manifest: Kind & Required<Pick<Kind, 'apiVersion' | 'kind' | 'metadata'>> = ${JSON.stringify(object, null, 2)};
`;
  const files = ts.createCompilerHost(OPTIONS);
  const program = ts.createProgram([MANIFEST], OPTIONS, {
    ...files,
    fileExists: (file) => file === MANIFEST || files.fileExists(file),
    getSourceFile: (file, target) => {
      if (file === MANIFEST) return ts.createSourceFile(file, code, target);
      if (!parsed.has(file)) parsed.set(file, files.getSourceFile(file, target));
      return parsed.get(file);
    },
  });
  const diagnostics = [
    ...program.getGlobalDiagnostics(),
    ...program.getSyntacticDiagnostics(),
    ...program.getSemanticDiagnostics(program.getSourceFile(MANIFEST)),
  ];
  return diagnostics.map(
    ({ messageText }) => `${apiVersion} ${kind}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
  );
}
