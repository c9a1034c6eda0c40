import { CONFIG_FLAG } from './load-settings.js';
import { describeSettings, variableOf } from './setting-names.js';
import type { SettingFacts } from './setting-names.js';

/** Renders the table of settings as `--help`, docs/configuration.md and .env.example. */

/** RUST_LOG is not a setting: it exists only as an environment variable, as in the reference server. */
const RUST_LOG = 'RUST_LOG';
const RUST_LOG_ABOUT =
  'Selects the log lines to write: a level (trace, debug, info, warn, error, off), or a comma-separated list of ' +
  'TARGET=LEVEL, such as warn,cairn_signal::relay=debug.';

/** A setting, or the flag that names the configuration file. */
type Row = Omit<SettingFacts, 'name'> & { readonly name?: string };

function rows(): Row[] {
  const about = 'Configuration file (YAML). Flags and environment variables override it.';
  return [
    { flag: CONFIG_FLAG, variable: variableOf(CONFIG_FLAG), value: 'PATH', about, default: undefined },
    ...describeSettings(),
  ];
}

/** Renders the flags of `--help`, each with its default and variable. */
export function renderFlags(): string {
  return rows().map(renderFlag).join('\n\n');
}

function renderFlag({ flag, value, about, variable, ...rest }: Row): string {
  const otherwise = rest.default === undefined ? '' : ` [default: ${rest.default}]`;
  return `  --${flag} ${value}\n      ${wrap(about, 86, '      ')}\n      [env: ${variable}]${otherwise}`;
}

/** Renders docs/configuration.md. */
export function renderConfigurationPage(): string {
  const table = rows().map(({ name, flag, variable, about, ...rest }) => {
    const cells = [`--${flag}`, variable, name, rest.default].map((cell) => (cell === undefined ? '' : `\`${cell}\``));
    return `| ${[...cells, about].join(' | ')} |`;
  });
  return `# Configuration

<!-- Generated from src/config/settings.ts by "npm run docs"; a test fails when it is stale. -->

Every setting is a flag, an environment variable, and a key in a YAML file. Flags override the environment, the
environment overrides the file, and the file overrides the defaults.
\`--${CONFIG_FLAG} PATH\` or \`${variableOf(CONFIG_FLAG)}\` names the file.

| flag | environment variable | file key | default | what it does |
| --- | --- | --- | --- | --- |
${table.join('\n')}

## How values are written

- Times: \`500ms\`, \`10s\`, \`5m\`, \`1h\`. Bytes and counts: whole numbers, digits only.
- Flags: \`--flag value\` or \`--flag=value\`.
- Lists: separated by commas. A file may also use a YAML list, and a flag may be repeated. An entry with a comma in it
  needs the YAML list.
- An entry that may begin with its issuer: \`cairn\` holds for every issuer, and \`"https://id.example.com/ cairn"\` for that
  one, written as in \`jwt-issuer\`. For an issuer, its own entries take the place of those for every issuer; of
  \`jwt-require-claim\`, of those for the same claim.
- The server does not read a \`.env\` file. Node does, with \`node --env-file=.env dist/main.js\`.

## Log levels

\`${RUST_LOG}\` (environment only, as in the reference): ${RUST_LOG_ABOUT}
The default is \`info\`. A value that cannot be understood means \`info\` too, with a warning.
The longest target that matches a log line decides.

## Mistakes

- An unknown flag or file key, or a value out of range, prevents the start. The server lists all faults together, each
  with the place where it was written, and exits with code 2. \`cairn-signal check-config\` does so without starting.
- An unknown \`CAIRN_SIGNAL_*\` variable causes a warning that names the nearest setting. Variables that Kubernetes sets
  for a Service of that name are ignored: \`CAIRN_SIGNAL_PORT\`, \`CAIRN_SIGNAL_SERVICE_*\` and
  \`CAIRN_SIGNAL_PORT_<n>_TCP*\`. Those of other Services whose names begin so cause one warning for all of them.
- A file that cannot be read or used (certificate, key, tokens), or a port that is taken, causes one line and exit
  code 1.
- No fault repeats a secret, also not one in the wrong place. It shows a number, a short word, or a path that exists.
  Otherwise it says how long the value is and what it looks like, such as "looks like a PEM".
`;
}

/** Renders .env.example. */
export function renderEnvExample(): string {
  const entries = rows().map(
    ({ variable, value, about, ...rest }) => `# ${wrap(about, 98, '# ')}\n# ${variable}=${rest.default ?? value}`,
  );
  return `# Settings as environment variables: generated from src/config/settings.ts by "npm run docs".
# Remove the "# " before a variable to set it. The server does not read this file itself.
# Use node --env-file=.env dist/main.js, or docker run --env-file .env

${entries.join('\n\n')}

# ${wrap(RUST_LOG_ABOUT, 98, '# ')}
# ${RUST_LOG}=info
`;
}

/** Breaks text into lines of at most `width` characters. `indent` begins each line after the first. */
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
