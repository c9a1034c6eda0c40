// Reads "docker run" lines as the docker command does, as far as our documents go. A flag that is not known here is an
// error: a document cannot show what nothing tests.

/** What a word of a line stands for. */
const FLAGS = {
  '-d': switched('detach'),
  '-e': valued(addEnv),
  '-m': valued((run, value) => (run.memory = bytes(value))),
  '-p': valued((run, value) => run.ports.push(port(value))),
  '-v': valued((run, value) => run.volumes.push(volume(value))),
  '--cap-drop': valued((run, value) => expect('--cap-drop', value, 'ALL')),
  '--detach': switched('detach'),
  '--env': valued(addEnv),
  '--env-file': valued((run, value) => run.envFiles.push(value)),
  '--memory': valued((run, value) => (run.memory = bytes(value))),
  '--name': valued((run, value) => (run.name = value)),
  '--publish': valued((run, value) => run.ports.push(port(value))),
  '--read-only': switched('readOnly'),
  '--rm': switched('remove'),
  '--security-opt': valued((run, value) => expect('--security-opt', value, /^no-new-privileges(?::true)?$/)),
  '--volume': valued((run, value) => run.volumes.push(volume(value))),
};

/** The image as documents name it. */
const IMAGE = /^(?:ghcr\.io\/[\w-]+\/)?cairn-signal(?::[\w.-]+)?(?:@sha256:[\da-f]{64})?$/;

/**
 * Reads what follows "docker run".
 * @param words without quotes
 * @returns what is asked for; `image` is undefined in a line that leaves the rest to the reader
 * @throws Error for a flag that is not known here
 */
export function readRun(words) {
  const run = { ports: [], volumes: [], env: {}, envFiles: [], image: undefined, args: [] };
  const rest = [...words];
  while (rest[0]?.startsWith('-')) {
    const [flag, attached] = parted(rest.shift());
    if (!Object.hasOwn(FLAGS, flag)) throw new Error(`docker run: the flag ${flag} is not known here`);
    const { takes, apply } = FLAGS[flag];
    if (!takes && attached !== undefined) throw new Error(`docker run: ${flag} takes no value`);
    const value = takes ? (attached ?? rest.shift()) : true;
    if (value === undefined) throw new Error(`docker run: ${flag} needs a value`);
    apply(run, value);
  }
  const [image, ...args] = rest;
  if (image !== undefined && !IMAGE.test(image)) throw new Error(`docker run: the image is not ours: ${image}`);
  return { ...run, image, args };
}

/**
 * Finds the "docker run" lines of a document, in code blocks, in quotes of code and in comments.
 * @returns for each the number of its line and its words; dots at its end, which leave the rest to the reader, are none
 */
export function documentedRuns(text) {
  const found = [];
  for (const { 0: whole, index, groups } of text.matchAll(/(?<quote>`?)docker run(?<rest>[ \\](?:\\\n|[^\n\\])*)/g)) {
    // In a paragraph, a quote of code may go on in the next line.
    const quoted = groups.quote === '' ? groups.rest : text.slice(index + whole.indexOf(groups.rest)).split('`', 1)[0];
    const words = shellWords(groups.quote === '' ? quoted : quoted.replaceAll('\n', ' '));
    if (words.at(-1) === '...') words.pop();
    found.push({ line: text.slice(0, index).split('\n').length, words });
  }
  return found;
}

/**
 * A service of a compose file as the words of a "docker run" line.
 * @param service with our image
 * @param dotEnv what .env has
 */
export function runOfService(service, dotEnv) {
  const { image, build: _build, restart: _restart, stop_grace_period: _grace, ...asked } = service;
  const { ports = [], volumes = [], environment = {}, read_only: readOnly, ...others } = asked;
  const { cap_drop: dropped = [], security_opt: options = [], command = [], ...unknown } = others;
  const [key] = Object.keys(unknown);
  if (key !== undefined) throw new Error(`the key ${key} of a service is not known here`);
  const interpolated = (value) =>
    String(value).replaceAll(/\$\{(\w+)(?::[?-][^}]*)?\}/g, (_, name) => {
      if (dotEnv[name] === undefined) throw new Error(`.env has no ${name}`);
      return dotEnv[name];
    });
  const env = Object.entries(environment)
    .map(([name, value]) => [name, value === null ? dotEnv[name] : interpolated(value)])
    .filter(([, value]) => value !== undefined);
  return [
    ...ports.flatMap((one) => ['-p', one]),
    ...env.flatMap((entry) => ['-e', entry.join('=')]),
    ...volumes.flatMap((one) => ['-v', one]),
    ...(readOnly === true ? ['--read-only'] : []),
    ...dropped.flatMap((one) => ['--cap-drop', one]),
    ...options.flatMap((one) => ['--security-opt', one]),
    image,
    ...command,
  ];
}

/** Words as a shell splits them, up to a comment. */
function shellWords(text) {
  const words = [];
  const word =
    /(?:\s|\\\n)*(#.*|(?:"[^"$`\\]*"|'[^']*'|\\[^\n]|[^\s"'\\#$`|&;<>()])(?:"[^"$`\\]*"|'[^']*'|\\[^\n]|[^\s"'\\$`|&;<>()])*)\s*/y;
  while (word.lastIndex < text.trimEnd().length) {
    const [, written] = word.exec(text) ?? [];
    if (written === undefined) throw new Error(`docker run: more than plain words: ${text.trim()}`);
    if (written.startsWith('#')) break;
    words.push(written.replaceAll(/"([^"]*)"|'([^']*)'|\\(.)/g, (_, double, single, one) => double ?? single ?? one));
  }
  return words;
}

function switched(name) {
  return { takes: false, apply: (run) => (run[name] = true) };
}

function valued(apply) {
  return { takes: true, apply };
}

/** --flag=value, -pvalue and -p=value. */
function parted(word) {
  const [, long, value] = /^(--[\w-]+)(?:=([^]*))?$/.exec(word) ?? [];
  if (long !== undefined) return [long, value];
  return word.length > 2 ? [word.slice(0, 2), word.slice(2).replace(/^=/, '')] : [word];
}

function addEnv(run, value) {
  const at = value.indexOf('=');
  if (at < 1) throw new Error(`docker run: -e ${value}: expected NAME=VALUE`);
  run.env[value.slice(0, at)] = value.slice(at + 1);
}

function port(value) {
  const [, address = '0.0.0.0', host, container] = /^(?:([\d.]+):)?(\d+):(\d+)(?:\/tcp)?$/.exec(value) ?? [];
  if (host === undefined) throw new Error(`docker run: -p ${value}: expected HOST:CONTAINER`);
  return { address, host: Number(host), container: Number(container) };
}

function volume(value) {
  const [, source, target, mode] = /^((?:\/|\.\/)[^:]*):(\/[^:]*)(?::(ro|rw))?$/.exec(value) ?? [];
  if (source === undefined) throw new Error(`docker run: -v ${value}: expected PATH:/PATH, and ro or rw`);
  return { source, target, readOnly: mode === 'ro' };
}

function bytes(value) {
  const [, count, unit] = /^(\d+)([bkmg]?)$/i.exec(value) ?? [];
  if (count === undefined) throw new Error(`docker run: -m ${value}: expected a size such as 1g`);
  return Number(count) * 1024 ** Math.max('bkmg'.indexOf(unit.toLowerCase()), 0);
}

function expect(flag, value, wanted) {
  if (wanted instanceof RegExp ? !wanted.test(value) : value !== wanted) {
    throw new Error(`docker run: ${flag} ${value} is not known here`);
  }
}
