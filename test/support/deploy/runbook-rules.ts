import { flagOf } from '../../../src/config/setting-names.js';
import { settingNames } from '../../../src/config/settings.js';
import { LOG_EVENTS } from '../../../src/logging/log-table.js';
import { sectionsOf } from '../markdown.js';
import type { Section } from '../markdown.js';
import { alertsOf } from './monitoring.js';
import type { Monitoring } from './monitoring.js';
import type { MonitoringRule } from './query-rules.js';

const RUNBOOKS = 'docs/runbooks.md';
/** What each section says, in this order. */
const PARTS = 'What it means. What peers notice. Where to look. What to do.';

const flags = new Set(settingNames.map(flagOf));
const events = new Set(Object.values(LOG_EVENTS).flatMap((rows) => Object.keys(rows)));

const twice = (names: readonly string[]): string[] => names.filter((name, index) => names.indexOf(name) < index);
const ofAlerts = ({ runbooks }: Monitoring): Section[] => sectionsOf(runbooks).filter(({ level }) => level === 3);

/** Each alert has a section, which its annotation leads to, and each section has an alert. */
const runbook: MonitoringRule = (monitoring) => {
  const sections = ofAlerts(monitoring);
  const names = alertsOf(monitoring).map(({ alert }) => alert);
  return [
    ...twice(sections.map(({ title }) => title)).map((title) => `${RUNBOOKS} has two sections for ${title}`),
    ...sections
      .filter(({ title }) => !names.includes(title))
      .map(({ title }) => `${RUNBOOKS}: there is no alert ${title}`),
    ...names
      .filter((alert) => !sections.some(({ title }) => title === alert))
      .map((alert) => `${alert}: ${RUNBOOKS} does not say what to do`),
    ...alertsOf(monitoring).flatMap(({ alert, annotations }) => {
      const section = sections.find(({ title }) => title === alert);
      const url = `${monitoring.repository}/blob/main/${RUNBOOKS}#${section?.anchor}`;
      return section === undefined || annotations?.runbook_url === url
        ? []
        : [`${alert}: its runbook is not at ${url}`];
    }),
    ...sections
      .filter(({ text }) => [...text.matchAll(/^- \*\*(.+?)\*\*/gm)].map(([, part]) => part).join(' ') !== PARTS)
      .map(({ title }) => `${RUNBOOKS}: the section of ${title} does not say in this order: ${PARTS}`),
  ];
};

/** The settings and the events of the log that are between backticks exist. */
const named: MonitoringRule = ({ runbooks }) => {
  const prose = runbooks.replaceAll(/^( *)```[^]*?^\1```$/gm, '');
  const words = [...prose.matchAll(/`([^`]+)`/g)].map(([, word]) => word.replaceAll(/\s+/g, ' '));
  return words.flatMap((word) => {
    if (/^[a-z]+(?:-[a-z]+)+$/.test(word) && !flags.has(word)) return [`${RUNBOOKS}: there is no setting ${word}`];
    const [, event] = /^"event":"(.*)"$/.exec(word) ?? [];
    return event === undefined || events.has(event) ? [] : [`${RUNBOOKS}: the log has no event ${event}`];
  });
};

export const RUNBOOK_RULES: Record<string, MonitoringRule> = { runbook, named };

/** The queries in the runbooks, each with the section that it is in. A line that is indented continues the one before. */
export function runbookQueries({ runbooks }: Monitoring): { where: string; expr: string }[] {
  return sectionsOf(runbooks)
    .filter(({ level }) => level === 3)
    .flatMap(({ title, text }) =>
      [...text.matchAll(/^( *)```promql\n([^]*?)^\1```$/gm)].flatMap(([, indent, block]) =>
        block
          .replaceAll(new RegExp(`^${indent}`, 'gm'), '')
          .trim()
          .split(/\n(?! )/)
          .map((expr) => ({ where: `the runbook of ${title}`, expr })),
      ),
    );
}
