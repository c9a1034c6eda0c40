import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { HttpException } from '@nestjs/common';

/** The media type of JSON (RFC 8259, section 11), with or without parameters. */
const JSON_TYPE = /^application\/json\s*(?:;|$)/i;

/**
 * Reads the JSON in the body of a request, of at most `most` bytes. Rejects with an HttpException: 415 for another type
 * or encoding, 413 for more, 400 for what is not JSON. The sentences repeat nothing of the body.
 */
export async function readJsonBody(request: IncomingMessage, most: number): Promise<unknown> {
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = request.headers;
  if (!JSON_TYPE.test(type.trim())) throw new HttpException('Send the body as application/json.', 415);
  if (encoding.toLowerCase() !== 'identity') throw new HttpException('Send the body without a Content-Encoding.', 415);
  const chunks: Buffer[] = [];
  let length = 0;
  // Whoever sends too much still gets an answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > most) throw new HttpException(`The body may have ${most} bytes.`, 413);
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  try {
    if (isUtf8(bytes)) return JSON.parse(bytes.toString()) as unknown;
  } catch {
    // Said below.
  }
  throw new HttpException('The body is not JSON in UTF-8.', 400);
}
