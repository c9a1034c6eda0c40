import { LOG_FIELDS } from '../../src/logging/log-fields.js';
import type { LogFieldRow } from '../../src/logging/log-fields.js';
import { LOG_EVENTS } from '../../src/logging/log-table.js';
import type { LogEventRow } from '../../src/logging/log-table.js';
import { targetOf } from '../../src/logging/log.js';
import type { LogPart } from '../../src/logging/log-event.js';

const FIELDS: Readonly<Record<string, LogFieldRow>> = LOG_FIELDS;
const ROWS = new Map<string, LogEventRow>(
  Object.entries(LOG_EVENTS).flatMap(([part, events]) =>
    Object.entries(events).map(([event, row]) => [`${targetOf(part as LogPart)} ${event}`, row] as const),
  ),
);

/** What is in every line. */
const ALWAYS = new Set(['level', 'time', 'target', 'event', 'msg']);
const TYPES = { text: 'string', number: 'number', boolean: 'boolean' };

/** Says what is wrong with a line of the log in JSON, as the table of events has it; undefined where nothing is. */
export function faultOf(line: Readonly<Record<string, unknown>>): string | undefined {
  const { level, time, target, event, msg } = line;
  const row = ROWS.get(`${String(target)} ${String(event)}`);
  if (row === undefined) return `there is no event ${String(event)} of ${String(target)}`;
  if (level !== row.level) return `${String(event)}: is at ${String(level)}, not at ${row.level}`;
  if (Number.isNaN(Date.parse(String(time)))) return `${String(event)}: has no time`;
  if (!says(String(msg), row.message)) return `${String(event)}: does not say "${row.message}"`;
  const fields = row.fields.map((field) => field.replace('?', ''));
  const unknown = Object.keys(line).find((name) => !ALWAYS.has(name) && !fields.includes(name));
  if (unknown !== undefined) return `${String(event)}: has no field ${unknown}`;
  const missing = row.fields.find((field) => !field.endsWith('?') && !(field in line));
  if (missing !== undefined) return `${String(event)}: lacks ${missing}`;
  const wrong = fields.find((name) => name in line && typeof line[name] !== TYPES[FIELDS[name].type]);
  return wrong && `${String(event)}: ${wrong} is no ${FIELDS[wrong].type}`;
}

/** Whether a text is a message of the table with words in its braces. Without patterns: tests record those of the server. */
function says(text: string, message: string): boolean {
  const [first, ...rest] = message.split('{').map((part) => part.slice(part.indexOf('}') + 1));
  if (rest.length === 0) return text === first;
  const last = rest.pop()!;
  let from = first.length;
  for (const part of rest) {
    from = text.indexOf(part, from + 1) + part.length;
    if (from < part.length) return false;
  }
  return text.startsWith(first) && text.endsWith(last) && from + last.length < text.length;
}

/** Collects faults of lines, and fails where somebody asks. */
export class LogCheck {
  #faults = new Set<string>();

  line(line: Readonly<Record<string, unknown>>): void {
    const fault = faultOf(line);
    if (fault !== undefined) this.#faults.add(fault);
  }

  /** Looks at all lines of what a program printed that are of the log in JSON: others have no target. */
  output(printed: string): void {
    for (const text of printed.split('\n').filter((one) => one.startsWith('{"level":') && one.endsWith('}'))) {
      this.line(JSON.parse(text) as Record<string, unknown>);
    }
  }

  /** Throws if a line was wrong since the last time. */
  done(): void {
    const faults = [...this.#faults];
    this.#faults.clear();
    if (faults.length > 0) throw new Error(`not as in src/logging/log-table.ts: ${faults.join('; ')}`);
  }
}
