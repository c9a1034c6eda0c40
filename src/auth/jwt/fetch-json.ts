/** Says why a fetch failed. Its message repeats nothing of the URL or the answer. */
export class FetchFault extends Error {}

/**
 * Fetches the JSON at a URL, of at most `mostBytes`, and shows a bearer token where one is given. Does not follow
 * redirects, which could take the token elsewhere. Rejects with a FetchFault, or with the reason that `signal` was
 * aborted with.
 */
export async function fetchJson(
  url: string,
  mostBytes: number,
  signal: AbortSignal,
  bearer?: string,
): Promise<unknown> {
  const text = await fetchText(url, mostBytes, signal, bearer).catch((error: unknown) => {
    throw error instanceof FetchFault || signal.aborted ? error : new FetchFault(networkFault(error));
  });
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new FetchFault('the answer is not JSON');
  }
}

async function fetchText(url: string, mostBytes: number, signal: AbortSignal, bearer?: string): Promise<string> {
  const response = await fetch(url, {
    signal,
    redirect: 'manual',
    headers: {
      accept: 'application/json, application/jwk-set+json',
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
    },
  });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop cancels the answer and closes the connection.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    if (response.status !== 200) break;
    bytes += chunk.length;
    if (bytes > mostBytes) throw new FetchFault(`the answer has more than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  if (response.status !== 200) throw new FetchFault(`the answer was ${response.status}`);
  return Buffer.concat(chunks).toString('utf8');
}

/** Returns Node's code for a network error, such as ECONNREFUSED. */
function networkFault(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : 'the connection failed';
}
