#!/usr/bin/env node
// Renders the Helm chart and writes what is made from it: deploy/kubernetes with its overlays, and
// deploy/helm/test/golden. Start it with
// "npm run chart"; a test fails when they are stale. It needs Go and libraries from Debian.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { parse, parseAllDocuments, stringify } from 'yaml';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CHART = join(ROOT, 'deploy/helm/cairn-signal');
const VALUES = join(ROOT, 'deploy/helm/test/values');

const EXAMPLES = join(CHART, 'examples');

const namesIn = (folder) => readdirSync(folder).map((file) => basename(file, '.yaml'));

/** Ways to put nodes behind something that ends TLS: each is an example of the chart and an overlay of deploy/kubernetes. */
export const INGRESSES = namesIn(EXAMPLES);

/** The names of the files of values that have a golden. */
export const CASES = [...namesIn(VALUES), ...INGRESSES];

/** Where Debian puts the sources of Go's libraries. */
const GOPATH = '/usr/share/gocode';
const PACKAGES = ['github.com/Masterminds/sprig', 'github.com/xeipuuv/gojsonschema', 'sigs.k8s.io/yaml'];

/** Undefined where the chart can be rendered, otherwise how to get what is missing. */
export const missing =
  spawnSync('go', ['version']).status === 0 && PACKAGES.every((name) => existsSync(join(GOPATH, 'src', name)))
    ? undefined
    : 'needs Go and libraries; on Debian: apt-get install golang-go golang-github-masterminds-sprig-dev ' +
      'golang-github-xeipuuv-gojsonschema-dev golang-k8s-sigs-yaml-dev';

/**
 * Builds the renderer.
 * @returns a function that renders the chart with files of values, and one that removes the renderer
 */
export function buildRenderer() {
  if (missing !== undefined) throw new Error(missing);
  const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-chart-'));
  const program = join(folder, 'render');
  const { status, stderr } = spawnSync('go', ['build', '-o', program, 'render.go'], {
    cwd: join(ROOT, 'deploy/helm/test'),
    env: { ...process.env, GO111MODULE: 'off', GOPATH, GOFLAGS: '' },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return {
    /** `values`: paths of files, or the text of one. `ok` tells whether `text` is objects or what is wrong. */
    render: (values, release = 'cairn-signal') => {
      const given = join(folder, 'values.yaml');
      if (typeof values === 'string') writeFileSync(given, values);
      const files = typeof values === 'string' ? [given] : values;
      const run = spawnSync(program, [CHART, release, 'cairn', ...files], { encoding: 'utf8' });
      return { ok: run.status === 0, text: run.status === 0 ? run.stdout : run.stderr };
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

export const valuesOf = (name) => join(INGRESSES.includes(name) ? EXAMPLES : VALUES, `${name}.yaml`);

const read = (path) => readFileSync(join(ROOT, path), 'utf8');

/** Long files that the chart takes over as they are. A golden names them instead. */
const QUOTED = ['deploy/grafana/cairn-signal.json', 'deploy/prometheus/cairn-signal.rules.yaml'];

const indent = (text, by) => text.replaceAll(/^(?!$)/gm, ' '.repeat(by)).trimEnd();

const golden = (rendered) => {
  let text = rendered.replaceAll(/^ +$/gm, '');
  for (const path of QUOTED) {
    for (const by of [2, 4]) text = text.replace(indent(read(path), by), () => `${' '.repeat(by)}# ${path}`);
  }
  return text;
};

/** What a release of Helm has and a kustomization has not. kustomize puts a digest into the ConfigMap's name. */
const HELM_ONLY = [
  / +annotations:\n +checksum\/config: .*\n/g,
  / +(?:helm\.sh\/chart|app\.kubernetes\.io\/(?:instance|version|managed-by)): .*\n/g,
];

/** deploy/kubernetes, by path, from the rendering with the default values. */
function kustomized(rendered) {
  const made = {};
  for (const part of rendered.split(/^---\n# Source: cairn-signal\/templates\//m).slice(1)) {
    const [file] = part.split('\n', 1);
    let text = part.slice(file.length + 1);
    for (const only of HELM_ONLY) text = text.replace(only, '');
    if (file === 'configmap.yaml') {
      const [, config] = text.split('  cairn-signal.yaml: |\n');
      made['deploy/kubernetes/cairn-signal.yaml'] = config.replaceAll(/^ {4}/gm, '');
    } else if (file.endsWith('.yaml')) {
      made[`deploy/kubernetes/${file}`] = `${MADE}${text}`;
    }
  }
  return made;
}

const MADE = '# Made by "npm run chart" from deploy/helm/cairn-signal.\n';

/** The steps of RFC 6902 that turn `from` into `to`. Of a list, items are taken away, or all of it is replaced. */
function steps(from, to, path = '') {
  if (isDeepStrictEqual(from, to)) return [];
  const among = (list, item) => list.some((one) => isDeepStrictEqual(one, item));
  if (Array.isArray(from) && from.length !== to.length && to.every((item) => among(from, item))) {
    const gone = from.flatMap((item, index) => (among(to, item) ? [] : [index]));
    // From the end, so that the others keep their numbers.
    return gone.toReversed().map((index) => ({ op: 'remove', path: `${path}/${index}` }));
  }
  const isTree = (value) => typeof value === 'object' && value !== null;
  if (!isTree(from) || !isTree(to) || (Array.isArray(from) && from.length !== to.length)) {
    return [{ op: 'replace', path, value: to }];
  }
  return Object.keys({ ...from, ...to }).flatMap((key) => {
    const below = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (!(key in to)) return [{ op: 'remove', path: below }];
    return key in from ? steps(from[key], to[key], below) : [{ op: 'add', path: below, value: to[key] }];
  });
}

/** An overlay, by path: what it has more than the base, patches, and its settings. NATS stays that of the base. */
function overlaid(name, base, over) {
  const folder = 'deploy/kubernetes/overlays';
  const config = 'cairn-signal.yaml';
  const files = Object.keys(over).map((path) => basename(path));
  const own = files.filter((file) => base[`deploy/kubernetes/${file}`] === undefined);
  // YAML 1.1, as kubectl reads it: 0440 is octal.
  const objectIn = (text) => parseAllDocuments(text, { version: '1.1' })[0].toJS();
  const patches = files
    .filter((file) => file !== config && !own.includes(file))
    .flatMap((file) => {
      const [from, to] = [base, over].map((texts) => objectIn(texts[`deploy/kubernetes/${file}`]));
      const found = steps(from, to);
      const target = { kind: from.kind, name: from.metadata.name };
      return found.length === 0 ? [] : [{ target, patch: stringify(found) }];
    });
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: ['../..', ...own],
    configMapGenerator: [{ name: 'cairn-signal', behavior: 'replace', files: [config] }],
    patches,
  };
  return {
    ...Object.fromEntries(
      [...own, config].map((file) => [`${folder}/${name}/${file}`, over[`deploy/kubernetes/${file}`]]),
    ),
    [`${folder}/${name}/kustomization.yaml`]: `# kubectl apply -n cairn -k ${folder}/${name}\n${MADE}${stringify(kustomization)}`,
  };
}

/** The values of an example, with the NATS of deploy/kubernetes. */
const withoutBundle = (name) => {
  const { nats: _bundled, ...values } = parse(readFileSync(valuesOf(name), 'utf8'));
  return stringify(values);
};

/** Everything that is made from the chart: texts by path. */
export function outputs(render) {
  const rendered = (name, values) => {
    const { ok, text } = render(values);
    if (!ok) throw new Error(`${name}: ${text}`);
    return text;
  };
  const base = kustomized(rendered('default', [valuesOf('default')]));
  return Object.assign(
    {},
    base,
    ...CASES.map((name) => ({ [`deploy/helm/test/golden/${name}.yaml`]: golden(rendered(name, [valuesOf(name)])) })),
    ...INGRESSES.map((name) => overlaid(name, base, kustomized(rendered(name, withoutBundle(name))))),
  );
}

/** The paths of `made` that hold something else. */
export const stale = (made) =>
  Object.entries(made)
    .filter(([path, text]) => !existsSync(join(ROOT, path)) || read(path) !== text)
    .map(([path]) => path);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const renderer = buildRenderer();
  const made = outputs(renderer.render);
  renderer.remove();
  const old = stale(made);
  for (const path of old) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), made[path]);
  }
  console.log(old.length === 0 ? 'nothing has changed' : old.join('\n'));
}
