import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { loadSettings, parseSettings } from '../../../src/config/load-settings.js';
import { renderConfigurationPage, renderEnvExample, renderFlags } from '../../../src/config/reference.js';
import { describeSettings } from '../../../src/config/setting-names.js';
import { renderMetricsPage } from '../../../src/exposition/metrics-page.js';
import { renderLogPage } from '../../../src/logging/log-page.js';

const SETTINGS = describeSettings();
const VARIABLES = ['CAIRN_SIGNAL_CONFIG', ...SETTINGS.map(({ variable }) => variable), 'RUST_LOG'];

/** A generated file of this repository. If it is missing, a text that says how to make it. */
function generated(path: string): string {
  try {
    return readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
  } catch {
    return `${path} is missing: npm run docs`;
  }
}

describe('generated documents (when stale: npm run docs)', () => {
  it('docs/configuration.md matches the table of settings', () => {
    expect(generated('docs/configuration.md')).toBe(renderConfigurationPage());
  });

  it('docs/metrics.md matches the table of metrics', () => {
    expect(generated('docs/metrics.md')).toBe(renderMetricsPage());
  });

  it('docs/logging.md matches the table of log events', () => {
    expect(generated('docs/logging.md')).toBe(renderLogPage());
  });

  it('.env.example matches the table of settings', () => {
    expect(generated('.env.example')).toBe(renderEnvExample());
  });
});

describe('the configuration page', () => {
  const page = renderConfigurationPage();

  it.each(SETTINGS)(
    'has a row for $name with flag, variable, key, default and sentence',
    ({ name, flag, variable, about, ...rest }) => {
      const row = page.split('\n').find((line) => line.startsWith(`| \`--${flag}\` |`));
      const otherwise = rest.default === undefined ? '' : `\`${rest.default}\``;
      expect(row?.split('|').map((cell) => cell.trim())).toEqual([
        '',
        `\`--${flag}\``,
        `\`${variable}\``,
        `\`${name}\``,
        otherwise,
        about,
        '',
      ]);
    },
  );

  it.each(VARIABLES)('mentions %s', (variable) => {
    expect(page).toContain(`\`${variable}\``);
  });
});

describe('.env.example', () => {
  const lines = renderEnvExample().split('\n');

  it('sets nothing as shipped', () => {
    expect(lines.filter((line) => line !== '' && !line.startsWith('# '))).toEqual([]);
  });

  it.each(VARIABLES)('has a line for %s', (variable) => {
    expect(lines.filter((line) => line.startsWith(`# ${variable}=`))).toHaveLength(1);
  });

  it('shows the real defaults: uncommenting the lines changes nothing', () => {
    const withDefault = new Set(
      SETTINGS.filter((setting) => setting.default !== undefined).map(({ variable }) => variable),
    );
    const shown = lines
      .map((line) => /^# (CAIRN_SIGNAL_\w+)=(.*)$/.exec(line))
      .filter((parts) => parts !== null && withDefault.has(parts[1]));
    expect(shown).toHaveLength(withDefault.size);

    const environment = Object.fromEntries(shown.map((parts) => [parts![1], parts![2]]));
    expect(loadSettings({ flags: new Map(), environment })).toEqual({ settings: parseSettings(), warnings: [] });
  });
});

describe('the flags of --help', () => {
  const flags = renderFlags();

  it.each(SETTINGS)('list --$flag with its value, variable and default', ({ flag, value, variable, ...rest }) => {
    const entry = flags.split('\n\n').find((text) => text.startsWith(`  --${flag} ${value}\n`));
    const otherwise = rest.default === undefined ? '' : ` [default: ${rest.default}]`;
    expect(entry?.split('\n').at(-1)).toBe(`      [env: ${variable}]${otherwise}`);
  });

  it('begin with --config', () => {
    expect(flags).toMatch(/^ {2}--config PATH\n[^]*?\[env: CAIRN_SIGNAL_CONFIG\]\n\n {2}--listen-addr/);
  });
});

describe('the table of settings', () => {
  it.each(SETTINGS)('says what $name does in complete sentences, and how to write its value', ({ about, value }) => {
    expect(about).toMatch(/^[A-Za-z].*\.$/);
    expect(value).toMatch(/^[A-Z:|]+$/);
  });
});
