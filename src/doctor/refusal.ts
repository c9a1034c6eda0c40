import { STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Unanswered } from './subject.js';
import type { Subject } from './subject.js';

/** An HTTP answer to a WebSocket handshake, other than 101. */
export interface Refused {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** The sentence in a refusal (4xx, 5xx), printable; undefined when it says only its status. */
  readonly message?: string;
}

/** Longest sentence that a finding repeats, in characters. Guards choose theirs freely. */
const MOST_MESSAGE = 300;
/** Characters of an answer to read. A page has its title near its beginning. */
const MOST_BODY = 16_384;

/** Reads an answer. Waits for its end at most `timeout` milliseconds, and then uses what has come. */
export async function readRefusal(subject: Subject, response: IncomingMessage, timeout: number): Promise<Refused> {
  const { statusCode: status = 0, headers } = response;
  if (status < 400 || headers['content-encoding'] !== undefined) return { status, headers };
  const sentence = sentenceIn(await bodyOf(subject, response, timeout), status);
  return { status, headers, ...(sentence !== undefined && { message: subject.quote(sentence, MOST_MESSAGE) }) };
}

/** `403`, or `403: what it says`. */
export function statusAndMessage({ status, message }: Refused): string {
  return `${status}${said(message)}`;
}

/** The end of a finding that a refusal explains: an empty string, or `: what it says`. */
export function said(message: string | undefined): string {
  return message === undefined ? '' : `: ${message}`;
}

/** The figures of a refusal, for programs. */
export function refusalFigures({ status, message }: Refused): { readonly status: number; readonly message?: string } {
  return { status, ...(message !== undefined && { message }) };
}

/** The beginning of an answer's text. If the text is cut, any part of a secret at the cut is removed. */
async function bodyOf(subject: Subject, response: IncomingMessage, timeout: number): Promise<string> {
  let body = '';
  const over = new Promise<void>((resolve) => {
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      body += text;
      if (body.length >= MOST_BODY) resolve();
    });
    // A truncated answer still counts.
    response.on('error', () => resolve());
    response.once('close', () => resolve());
  });
  try {
    await subject.within(over, 'no end of an answer', timeout);
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
  }
  return response.complete && body.length <= MOST_BODY ? body : subject.withoutSecretAtEnd(body.slice(0, MOST_BODY));
}

/**
 * The sentence in an answer: plain text, the message in JSON, or the title of a page. Undefined when there is none, or
 * only the words of the status.
 */
function sentenceIn(body: string, status: number): string | undefined {
  const text = body.trim();
  const sentence = text.startsWith('{') ? messageOf(text) : text.startsWith('<') ? titleOf(text) : text;
  const words = STATUS_CODES[status]?.toLowerCase();
  return sentence === undefined || sentence === '' || sentence.toLowerCase().replace(`${status} `, '') === words
    ? undefined
    : sentence;
}

function messageOf(text: string): string | undefined {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}

/** The first title without markup or character references, which could spell the token. */
function titleOf(page: string): string | undefined {
  for (const rest of page.split(/<title>/i).slice(1)) {
    const end = rest.search(/[<&]/);
    if (end !== -1 && rest.slice(end, end + END_OF_TITLE.length).toLowerCase() === END_OF_TITLE) {
      return rest.slice(0, end).trim();
    }
  }
  return undefined;
}

const END_OF_TITLE = '</title>';
