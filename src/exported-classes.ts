import type { Type } from '@nestjs/common';

/** The methods that classes of an operator, or of an application, have. */
export type Method = 'canActivate' | 'allows' | 'iceServers' | 'joined' | 'left';

/** How compilers write a field into a constructor. */
const ASSIGNED: Readonly<Record<Method, RegExp>> = {
  canActivate: /this(?:\.|, ?["'`])canActivate(?: ?=[^=>]|["'`])/,
  allows: /this(?:\.|, ?["'`])allows(?: ?=[^=>]|["'`])/,
  iceServers: /this(?:\.|, ?["'`])iceServers(?: ?=[^=>]|["'`])/,
  joined: /this(?:\.|, ?["'`])joined(?: ?=[^=>]|["'`])/,
  left: /this(?:\.|, ?["'`])left(?: ?=[^=>]|["'`])/,
};

type Exports = readonly (readonly [name: string, value: unknown])[];

/**
 * Returns the classes in a module's exports whose objects have a method, in the order of their names. What was compiled
 * to CommonJS has its exports in the default export. Returns in words what is there instead, if there is no class.
 */
export function exportedClasses(namespace: object, method: Method): readonly Type<unknown>[] | string {
  const exports = exportsOf(namespace);
  const classes = [...new Set(exports.map(([, value]) => value))].filter((value) => isClassWith(value, method));
  return classes.length > 0
    ? classes
    : [`it exports no class with a method "${method}"`, ...hint(exports, method)].join(': ');
}

/** Returns whether a value is a class whose objects have a method. */
export function isClassWith(value: unknown, method: Method): value is Type<unknown> {
  if (typeof value !== 'function') return false;
  const { prototype } = value as { prototype?: Record<string, unknown> };
  return prototype !== undefined && (typeof prototype[method] === 'function' || makesField(value, method));
}

/**
 * Whether objects of a class get a field of that name when they are made, as for an arrow function. Only the text of
 * the class, or of one that it extends, tells that before.
 */
function makesField(type: unknown, name: Method): boolean {
  for (let each = type; typeof each === 'function'; each = Object.getPrototypeOf(each) as unknown) {
    const text = Function.prototype.toString.call(each);
    if (ASSIGNED[name].test(text)) return true;
    const isField = (part: string): boolean => part.startsWith(name) && /^ ?=[^=>]/.test(part.slice(name.length));
    if (text.startsWith('class') && text.split(/[{};\n]/).some((part) => isField(part.trimStart()))) return true;
  }
  return false;
}

function exportsOf(namespace: object): Exports {
  const named = Object.entries(namespace) as [string, unknown][];
  const nested = named.flatMap(([name, value]) =>
    name === 'default' && typeof value === 'object' && value !== null ? Object.entries(value) : [],
  ) as [string, unknown][];
  return [...named, ...nested].toSorted(([one], [other]) => (one < other ? -1 : Number(one > other)));
}

/** What an operator may have meant by the exports of a file. */
function hint(exports: Exports, method: Method): string[] {
  for (const [name, value] of exports) {
    const has = typeof (value as Record<string, unknown> | null | undefined)?.[method] === 'function';
    if (has && typeof value === 'object') {
      return [`"${name}" is an object. Export its class, and the server makes the object`];
    }
    if (has) return [`"${method}" of "${name}" is static`];
    if (typeof value === 'function' && (name === method || !/^class\b/.test(String(value)))) {
      return [`"${name}" is a function. Make it the method "${method}" of a class, and export that`];
    }
    if (typeof value === 'function') return [`the class "${name}" has none of its own or inherited`];
  }
  return [];
}
