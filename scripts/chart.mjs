#!/usr/bin/env node
// Renders the Helm chart and writes what is made from it: deploy/kubernetes, and deploy/helm/test/golden. Start it with
// "npm run chart"; a test fails when they are stale. It needs Go and libraries from Debian.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CHART = join(ROOT, 'deploy/helm/cairn-signal');
const VALUES = join(ROOT, 'deploy/helm/test/values');

/** The names of the files of values that have a golden. */
export const CASES = readdirSync(VALUES).map((file) => basename(file, '.yaml'));

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

export const valuesOf = (name) => join(VALUES, `${name}.yaml`);

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
      made[`deploy/kubernetes/${file}`] = `# Made by "npm run chart" from deploy/helm/cairn-signal.\n${text}`;
    }
  }
  return made;
}

/** Everything that is made from the chart: texts by path. */
export function outputs(render) {
  const made = {};
  for (const name of CASES) {
    const { ok, text } = render([valuesOf(name)]);
    if (!ok) throw new Error(`${name}: ${text}`);
    made[`deploy/helm/test/golden/${name}.yaml`] = golden(text);
    if (name === 'default') Object.assign(made, kustomized(text));
  }
  return made;
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
  for (const path of old) writeFileSync(join(ROOT, path), made[path]);
  console.log(old.length === 0 ? 'nothing has changed' : old.join('\n'));
}
