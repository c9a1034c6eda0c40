import { CONFIG_FLAG } from './load-settings.js';
import { describeSettings, variableOf } from './setting-names.js';
import type { SettingFacts } from './setting-names.js';

/** What is rendered from the table of settings: `--help`, docs/configuration.md and .env.example. */

/** RUST_LOG is no setting: it is an environment variable alone, as in the reference. */
const RUST_LOG = 'RUST_LOG';
const RUST_LOG_ABOUT =
  'Which log lines are written: a level (trace, debug, info, warn, error, off) or a list by commas of TARGET=LEVEL, such as warn,cairn_signal::relay=debug.';

/** A setting, or the flag that names the file which holds them. */
type Row = Omit<SettingFacts, 'name'> & { readonly name?: string };

function rows(): Row[] {
  const about = 'Configuration file (YAML). Flags and environment variables win over it.';
  return [
    { flag: CONFIG_FLAG, variable: variableOf(CONFIG_FLAG), value: 'PATH', about, default: undefined },
    ...describeSettings(),
  ];
}

/** The settings of the command line, each with its default and variable. */
export function renderFlags(): string {
  return rows().map(renderFlag).join('\n\n');
}

function renderFlag({ flag, value, about, variable, ...rest }: Row): string {
  const otherwise = rest.default === undefined ? '' : ` [default: ${rest.default}]`;
  return `  --${flag} ${value}\n      ${wrap(about, 86, '      ')}\n      [env: ${variable}]${otherwise}`;
}

/** docs/configuration.md */
export function renderConfigurationPage(): string {
  const table = rows().map(({ name, flag, variable, about, ...rest }) => {
    const cells = [`--${flag}`, variable, name, rest.default].map((cell) => (cell === undefined ? '' : `\`${cell}\``));
    return `| ${[...cells, about].join(' | ')} |`;
  });
  return `# Configuration

<!-- Generated from src/config/settings.ts by "npm run docs"; a test fails when it is stale. -->

Every setting can be given as a flag, an environment variable or a key in a YAML file. Flags win over the environment, the
environment over the file, the file over the defaults. The file is named by \`--${CONFIG_FLAG} PATH\` or \`${variableOf(CONFIG_FLAG)}\`.

| flag | environment variable | file key | default | what it does |
| --- | --- | --- | --- | --- |
${table.join('\n')}

## How values are written

- Times: \`500ms\`, \`10s\`, \`5m\`, \`1h\`. Bytes and counts: whole numbers, digits only.
- Flags: \`--flag value\` or \`--flag=value\`.
- Lists: by commas; in a file also as a YAML list, and a flag may be repeated.
- A \`.env\` file is not read by itself; Node does it with \`node --env-file=.env dist/main.js\`.

## Log levels

\`${RUST_LOG}\` (environment only, as in the reference): ${RUST_LOG_ABOUT}
The default is \`info\`, also, with a warning, when the value cannot be understood. The longest target that fits a line decides.

## Mistakes

- An unknown flag or file key, or a value that is out of range, stops the start: every fault is listed at once, each with
  where it was written, and the process ends with exit code 2. \`cairn-signal check-config\` tells without starting.
- An unknown \`CAIRN_SIGNAL_*\` variable is a warning that names the nearest setting. What Kubernetes sets for a Service of that
  name (\`CAIRN_SIGNAL_PORT\`, \`CAIRN_SIGNAL_SERVICE_*\`, \`CAIRN_SIGNAL_PORT_<n>_TCP*\`) is ignored.
- A file that cannot be read or used (certificate, key, tokens) and a port that is taken are one line and exit code 1.
`;
}

/** .env.example */
export function renderEnvExample(): string {
  const entries = rows().map(
    ({ variable, value, about, ...rest }) => `# ${wrap(about, 98, '# ')}\n# ${variable}=${rest.default ?? value}`,
  );
  return `# Settings as environment variables: generated from src/config/settings.ts by "npm run docs".
# Remove the "# " before a variable to set it. Not read by itself: node --env-file=.env dist/main.js, or docker run --env-file .env

${entries.join('\n\n')}

# ${wrap(RUST_LOG_ABOUT, 98, '# ')}
# ${RUST_LOG}=info
`;
}

/** Breaks a sentence into lines of at most `width` characters; `indent` begins each line after the first. */
function wrap(sentence: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of sentence.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join(`\n${indent}`);
}
