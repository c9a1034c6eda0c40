import type { LOG_FIELDS } from './log-fields.js';
import type { LOG_EVENTS, LogEventRow } from './log-table.js';

/** A part of the server that writes lines: a target without the name of the server. */
export type LogPart = keyof typeof LOG_EVENTS;
/** The events of a part. */
export type LogEvent<Part extends LogPart> = string & keyof (typeof LOG_EVENTS)[Part];
/** The row of an event. */
type RowOf<Part extends LogPart, Event extends LogEvent<Part>> = (typeof LOG_EVENTS)[Part][Event] & LogEventRow;

interface Types {
  readonly text: string;
  readonly number: number;
  readonly boolean: boolean;
}
type TypeOf<Name> = Name extends keyof typeof LOG_FIELDS ? Types[(typeof LOG_FIELDS)[Name]['type']] : never;

type Needed<Name extends string> = Name extends `${string}?` ? never : Name;
type Optional<Name extends string> = Name extends `${infer Bare}?` ? Bare : never;
type FieldsNamed<Name extends string> = { readonly [One in Needed<Name>]: TypeOf<One> } & {
  readonly [One in Optional<Name>]?: TypeOf<One> | undefined;
};

/** The fields of an event, each with its type. One that is undefined is left out of the line. */
export type LogFieldsOf<Part extends LogPart, Event extends LogEvent<Part>> = FieldsNamed<
  RowOf<Part, Event>['fields'][number]
>;

type Holes<Message extends string> = Message extends `${string}{${infer Hole}}${infer Rest}`
  ? Hole | Holes<Rest>
  : never;

/** What a line tells besides its event: the fields, and then the words that its message has in braces. */
export type Told<Part extends LogPart, Event extends LogEvent<Part>> = [Holes<RowOf<Part, Event>['message']>] extends [
  never,
]
  ? [Needed<RowOf<Part, Event>['fields'][number]>] extends [never]
    ? [fields?: LogFieldsOf<Part, Event>]
    : [fields: LogFieldsOf<Part, Event>]
  : [fields: LogFieldsOf<Part, Event>, words: Readonly<Record<Holes<RowOf<Part, Event>['message']>, string | number>>];

/** The message of a line: the row's, with words in place of what it has in braces. */
export function messageOf({ message }: LogEventRow, words?: Readonly<Record<string, string | number>>): string {
  if (words === undefined) return message;
  const [first, ...parts] = message.split('{');
  return parts.reduce((said, part) => {
    const end = part.indexOf('}');
    return `${said}${words[part.slice(0, end)]}${part.slice(end + 1)}`;
  }, first);
}
