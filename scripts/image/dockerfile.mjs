// Reads a Dockerfile as Docker does, as far as ours goes. What it does not know is an error, never skipped: otherwise
// the image that is tested would differ from the one that is built.
import { posix } from 'node:path';

/** An instruction that cannot be read, or that this reader does not know. */
export class DockerfileError extends Error {
  constructor(line, what) {
    super(`Dockerfile:${line}: ${what}`);
  }
}

/** The flags that each instruction may have, and whether it consists of words, with variables in them. */
const KNOWN = {
  ARG: { words: true },
  COPY: { flags: ['from', 'chmod', 'link'], words: true },
  ENTRYPOINT: {},
  ENV: { words: true },
  EXPOSE: { words: true },
  FROM: { flags: ['platform'], words: true },
  HEALTHCHECK: { flags: ['interval', 'timeout', 'start-period', 'retries'] },
  LABEL: { words: true },
  RUN: { flags: ['mount'] },
  STOPSIGNAL: { words: true },
  USER: { words: true },
  WORKDIR: { words: true },
};

/** What Docker sets by itself. The image does not depend on it, so any value will do. */
const AUTOMATIC = Object.fromEntries(
  ['BUILD', 'TARGET'].flatMap((of) => ['PLATFORM', 'OS', 'ARCH', 'VARIANT'].map((what) => [`${of}${what}`, 'any'])),
);

/**
 * Reads all stages, the final one last.
 * @param text of the Dockerfile
 * @param args values of ARG, as --build-arg gives them
 * @throws DockerfileError
 */
export function readDockerfile(text, args = {}) {
  const stages = [];
  const globals = {};
  let known = {};
  for (const { line, text: written } of logicalLines(text)) {
    const instruction = readInstruction(line, written, /^from\s/i.test(written) ? globals : known);
    const { name, words } = instruction;
    const stage = stages.at(-1);
    if (name === 'FROM') {
      if (words.length !== 1 && !(words.length === 3 && words[1].toUpperCase() === 'AS')) {
        throw new DockerfileError(line, 'FROM needs an image, and may have AS and a name');
      }
      stages.push({ image: words[0], name: words[2]?.toLowerCase(), instructions: [] });
      known = {};
    } else if (name === 'ARG') {
      for (const [key, fallback] of words.map(pair)) {
        known[key] = args[key] ?? fallback ?? globals[key] ?? AUTOMATIC[key] ?? '';
        if (stage === undefined) globals[key] = known[key];
      }
    } else {
      if (stage === undefined) throw new DockerfileError(line, `${name} stands before FROM`);
      if (name === 'ENV') Object.assign(known, Object.fromEntries(pairs(instruction)));
      stage.instructions.push(instruction);
    }
  }
  if (stages.length === 0) throw new DockerfileError(1, 'there is no FROM');
  for (const { line, name, flags } of stages.flatMap(({ instructions }) => instructions)) {
    if (name === 'COPY' && flags.from !== undefined && !stages.some((stage) => stage.name === flags.from)) {
      throw new DockerfileError(line, `there is no stage ${flags.from}`);
    }
  }
  return stages;
}

/**
 * The configuration that an image of this stage has, as in an OCI image. Healthcheck is Docker's: builders write it into
 * OCI images too.
 * @param base the configuration of the image that the stage begins from
 * @throws DockerfileError for what cannot be in a stage without a shell
 */
export function configOf(stage, base) {
  const config = structuredClone(base);
  for (const instruction of stage.instructions) {
    const { line, name, rest, words, flags } = instruction;
    switch (name) {
      case 'COPY':
        break;
      case 'ENV': {
        const env = Object.fromEntries((config.Env ?? []).map(pair));
        config.Env = Object.entries({ ...env, ...Object.fromEntries(pairs(instruction)) }).map((entry) =>
          entry.join('='),
        );
        break;
      }
      case 'LABEL':
        config.Labels = { ...config.Labels, ...Object.fromEntries(pairs(instruction)) };
        break;
      case 'WORKDIR':
        config.WorkingDir = posix.resolve(config.WorkingDir || '/', words[0]);
        break;
      case 'USER':
        config.User = words[0];
        break;
      case 'EXPOSE': {
        const ports = words.map((port) => (port.includes('/') ? port : `${port}/tcp`));
        config.ExposedPorts = { ...config.ExposedPorts, ...Object.fromEntries(ports.map((port) => [port, {}])) };
        break;
      }
      case 'STOPSIGNAL':
        config.StopSignal = words[0];
        break;
      case 'HEALTHCHECK':
        config.Healthcheck = healthcheck(line, rest, flags);
        break;
      case 'ENTRYPOINT':
        config.Entrypoint = execForm(line, name, rest);
        // The base image's command would be arguments of this one.
        delete config.Cmd;
        break;
      default:
        throw new DockerfileError(line, `${name} cannot be in the final stage: the image has no shell`);
    }
  }
  return config;
}

/** What the COPY instructions of a stage copy: in order, each with absolute paths in the image. */
export function copiesOf(stage, workingDir = '/') {
  let at = workingDir;
  const copies = [];
  for (const { line, name, words: all, flags } of stage.instructions) {
    if (name === 'WORKDIR') at = posix.resolve(at, all[0]);
    if (name !== 'COPY') continue;
    const words = [...all];
    if (words.length < 2) throw new DockerfileError(line, 'COPY needs what to copy, and where to');
    if (words[0].startsWith('<<') || words[0].startsWith('[')) {
      throw new DockerfileError(line, 'only plain paths can be copied');
    }
    if (flags.chmod !== undefined && !/^[0-7]{3,4}$/.test(flags.chmod)) {
      throw new DockerfileError(line, `--chmod=${flags.chmod}: expected an octal mode`);
    }
    const to = words.pop();
    const folder = to.endsWith('/') || words.length > 1;
    copies.push({ line, from: flags.from, sources: words, to: posix.resolve(at, to), folder, mode: flags.chmod });
  }
  return copies;
}

/** Lines with their numbers. Continuations are joined; comments and empty lines are left out, as Docker does. */
function logicalLines(text) {
  const found = [];
  let open;
  for (const [index, written] of text.split(/\r?\n/).entries()) {
    if (/^\s*#\s*escape\s*=\s*[^\\\s]/i.test(written)) {
      throw new DockerfileError(index + 1, 'only \\ can continue a line');
    }
    if (/^\s*(?:#|$)/.test(written)) continue;
    open ??= { line: index + 1, text: '' };
    const goesOn = /\\\s*$/.test(written);
    open.text += goesOn ? written.replace(/\\\s*$/, '') : written;
    if (goesOn) continue;
    found.push({ line: open.line, text: open.text.trim() });
    open = undefined;
  }
  if (open !== undefined) throw new DockerfileError(open.line, 'the last line goes on');
  return found;
}

function readInstruction(line, text, variables) {
  let [, name, rest] = /^(\S+)\s*(.*)$/.exec(text);
  name = name.toUpperCase();
  const known = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
  if (known === undefined) throw new DockerfileError(line, `the instruction ${name} is not known here`);
  const flags = {};
  for (let flag; (flag = /^--([\w-]+)(?:=(\S*))?\s*/.exec(rest)) !== null; rest = rest.slice(flag[0].length)) {
    if (known.flags?.includes(flag[1]) !== true) {
      throw new DockerfileError(line, `${name} --${flag[1]} is not known here`);
    }
    flags[flag[1]] = substituted(line, flag[2] ?? 'true', { ...AUTOMATIC, ...variables });
  }
  if (rest === '') throw new DockerfileError(line, `${name} says nothing`);
  if (rest.includes('<<')) throw new DockerfileError(line, 'here-documents are not known here');
  return { line, name, flags, rest, words: known.words === true ? wordsOf(line, rest, variables) : [] };
}

/** Replaces $NAME, ${NAME}, ${NAME:-WORD} and ${NAME:+WORD}. */
function substituted(line, text, known) {
  const found = text.replaceAll(/\$(?:(\w+)|\{(\w+)(?::([-+])([^${}]*))?\})/g, (_, plain, braced, how, word) => {
    const name = plain ?? braced;
    if (how === '-') return known[name] || word;
    if (how === '+') return known[name] ? word : '';
    if (known[name] === undefined) throw new DockerfileError(line, `there is no ARG and no ENV ${name} before`);
    return known[name].replaceAll('$', '\0');
  });
  if (found.includes('$')) throw new DockerfileError(line, `the variable in ${text} is not known here`);
  return found.replaceAll('\0', '$');
}

/** Words as Docker splits them: quotes keep blanks together, \ keeps the next character, ' keeps variables as they are. */
function wordsOf(line, text, known) {
  const words = [];
  const word = /\s*((?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+)\s*/y;
  while (word.lastIndex < text.length) {
    const [, written] = word.exec(text) ?? [];
    if (written === undefined) throw new DockerfileError(line, 'a quote is open');
    words.push(
      written.replaceAll(
        /"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)|([^"'\\]+)/g,
        (_, double, single, escaped, plain) =>
          single ?? escaped ?? substituted(line, (plain ?? double).replaceAll(/\\(.)/g, '$1'), known),
      ),
    );
  }
  return words;
}

const pair = (word) => {
  const at = word.indexOf('=');
  return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)];
};

function pairs({ line, name, words }) {
  return words.map((word) => {
    const [key, value] = pair(word);
    if (value === undefined || key === '') {
      throw new DockerfileError(line, `${name}: expected NAME=VALUE instead of ${word}`);
    }
    return [key, value];
  });
}

function execForm(line, name, text) {
  let words;
  try {
    words = JSON.parse(text);
  } catch {
    // Docker takes it for the shell form then.
  }
  if (!Array.isArray(words) || words.length === 0 || words.some((word) => typeof word !== 'string')) {
    throw new DockerfileError(line, `${name} needs the form ["program", "argument"]: the image has no shell`);
  }
  return words;
}

function healthcheck(line, text, flags) {
  if (text === 'NONE') return { Test: ['NONE'] };
  const [, command] = /^CMD\s+(.*)$/.exec(text) ?? [];
  if (command === undefined) throw new DockerfileError(line, 'HEALTHCHECK needs CMD');
  const retries = Number(flags.retries ?? 3);
  if (!Number.isInteger(retries) || retries < 1) throw new DockerfileError(line, '--retries: expected a number');
  return {
    Test: ['CMD', ...execForm(line, 'HEALTHCHECK', command)],
    Interval: nanoseconds(line, flags.interval ?? '30s'),
    Timeout: nanoseconds(line, flags.timeout ?? '30s'),
    StartPeriod: nanoseconds(line, flags['start-period'] ?? '0s'),
    Retries: retries,
  };
}

function nanoseconds(line, written) {
  const [, count, unit] = /^(\d+)(ms|s|m|h)$/.exec(written) ?? [];
  if (unit === undefined) throw new DockerfileError(line, `expected a time such as 30s instead of ${written}`);
  return Number(count) * { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }[unit];
}
