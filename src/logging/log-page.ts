import { LOG_FIELDS } from './log-fields.js';
import { FIRST_VERSION, LOG_EVENTS } from './log-table.js';
import type { LogEventRow } from './log-table.js';
import { targetOf } from './log.js';
import type { LogPart } from './log-event.js';

/** Renders docs/logging.md from the table of events. */
export function renderLogPage(): string {
  const parts = Object.entries<Readonly<Record<string, LogEventRow>>>(LOG_EVENTS).map(
    ([part, events]) => `### \`${targetOf(part as LogPart)}\`

| event | level | message | fields | what to do |
| --- | --- | --- | --- | --- |
${Object.entries(events).map(rowOf).join('\n')}
`,
  );
  const fields = Object.entries(LOG_FIELDS).map(
    ([name, { type, meaning }]) => `| \`${name}\` | ${type} | ${meaning} |`,
  );
  return `# The lines of the log

<!-- Generated from src/logging/log-table.ts by "npm run docs"; a test fails when it is stale. -->

With \`log-format json\`, which is the default where standard output is no terminal, each line is one JSON object:

| field | |
| --- | --- |
| \`level\` | \`trace\`, \`debug\`, \`info\`, \`warn\` or \`error\` |
| \`time\` | as in RFC 3339, in UTC, to the millisecond |
| \`target\` | the part of the server that writes it, which \`RUST_LOG\` chooses by |
| \`event\` | what happened, by a name that stays: match lines by this one |
| \`msg\` | the same in words, for people; it may change with any version |

and the fields of its event. Events and fields are an interface: a minor version may add some, and only a major version
removes one or changes its meaning. All of them are there since ${FIRST_VERSION}, except where the table says otherwise.
Lines for people (\`log-format pretty\`) leave out the event. An application's logger gets it as a field.

No line holds a topic, a payload or a token, nor text that a stranger chose, except principals. The text of an error in
an operator's own code may hold what that was shown, so it is at debug only. A line that strangers can cause is
written once a second at most, and \`unmentionedBefore\` counts those between.

What Node, libraries and an operator's code warn of (\`process.emitWarning\`) is \`node_warning\`, and nothing on standard
error. A start that fails says why there in plain text, since there is no log yet, and so do commands.

The [audit](operations.md#audit) is another stream, which has every connection and refusal. Its lines have \`event\`, too,
with names of their own, and no \`level\`: where both go to standard output, \`select(.level)\` keeps the log. The \`reason\`
of a refusal and \`connection\` are the same in both, and so is the event \`close_ordered\`.

## How to match them

\`\`\`sh
cairn-signal | jq -c 'select(.event == "upgrade_refused") | {time, reason, remote}'    # who is refused, and why
cairn-signal | jq -c 'select(.level == "error" or .level == "warn")'                   # what asks for attention
\`\`\`

In Loki, nodes without the bus, and how often each event was an error:

\`\`\`logql
{app="cairn-signal"} | json | event =~ "bus_lost|bus_unreached|bus_unanswered"
sum by (event) (count_over_time({app="cairn-signal"} | json | level = "error" [5m]))
\`\`\`

Do not make labels of \`remote\` or \`principal\`: they have too many values. In Fluent Bit:

\`\`\`ini
[PARSER]
    Name        cairn-signal
    Format      json
    Time_Key    time
    Time_Format %Y-%m-%dT%H:%M:%S.%LZ
\`\`\`

## Events

Words in braces differ from line to line. A field with \`?\` is not in every line.

${parts.join('\n')}
## Fields

| field | type | what it is |
| --- | --- | --- |
${fields.join('\n')}
`;
}

function rowOf([event, { level, message, fields, help = '', since }]: [string, LogEventRow]): string {
  const named = fields.map((field) => `\`${field}\``).join(', ');
  const told = since === undefined ? help : `${help} Since ${since}.`.trimStart();
  return `| \`${event}\` | ${level} | ${message} | ${named} | ${told} |`;
}
