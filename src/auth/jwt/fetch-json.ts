/** Why something could not be fetched, in words that repeat nothing of the address or the answer. */
export class FetchFault extends Error {}

/** The JSON at an address, of at most `mostBytes`. Redirects are not followed. Rejects with a FetchFault; whatever `signal` was aborted with passes through. */
export async function fetchJson(url: string, mostBytes: number, signal: AbortSignal): Promise<unknown> {
  const text = await fetchText(url, mostBytes, signal).catch((error: unknown) => {
    throw error instanceof FetchFault || signal.aborted ? error : new FetchFault(networkFault(error));
  });
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new FetchFault('what was answered is no JSON');
  }
}

async function fetchText(url: string, mostBytes: number, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, {
    signal,
    redirect: 'manual',
    headers: { accept: 'application/json, application/jwk-set+json' },
  });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop ends the answer, and with it the connection.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    if (response.status !== 200) break;
    bytes += chunk.length;
    if (bytes > mostBytes) throw new FetchFault(`the answer has more than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  if (response.status !== 200) throw new FetchFault(`the answer was ${response.status}`);
  return Buffer.concat(chunks).toString('utf8');
}

/** Node's code for what happened on the network, such as ECONNREFUSED. */
function networkFault(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : 'the connection failed';
}
