/** Returns the samples of an exposition by their full names: `name{label="value"}`. */
export async function scrape(url: string, token?: string): Promise<Map<string, number>> {
  const response = await fetch(url, { headers: token === undefined ? {} : { Authorization: `Bearer ${token}` } });
  if (response.status !== 200) throw new Error(`answered ${response.status}`);
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}
