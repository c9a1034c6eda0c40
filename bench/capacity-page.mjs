const HEAD = ['container', 'heap', 'idle connections', 'arrivals/s', 'relays/s', 'deliveries/s of a fan-out', 'to'];

const MARKDOWN = (cells) => `| ${cells.join(' | ')} |`;

/** Two significant digits: more would not be true on another machine. */
function round(figure) {
  if (figure === 0) return '0';
  const digits = 10 ** Math.max(0, Math.floor(Math.log10(figure)) - 1);
  return (Math.round(figure / digits) * digits).toLocaleString('en');
}

function relaysOf({ perSecond, least, most }) {
  if (perSecond === 0) return `under ${round(least)}`;
  return `${perSecond === most ? 'over ' : ''}${round(perSecond)}`;
}

/**
 * Renders what was found, as a table in Markdown.
 * @param {{ sizes: readonly any[] }} result
 */
export function capacityTable({ sizes }) {
  const rows = sizes.map(({ name, oldSpaceMiB, idle, arrivals, relays, fanOut }) => [
    name,
    `${oldSpaceMiB} MiB`,
    round(idle.connections),
    round(arrivals.perSecond),
    relaysOf(relays),
    round(fanOut.perSecond),
    `${fanOut.subscribers} in ${fanOut.p99.toFixed(0)} ms`,
  ]);
  return [HEAD, HEAD.map(() => '---'), ...rows].map(MARKDOWN).join('\n');
}

/** Renders docs/capacity.md. */
export function capacityPage(result) {
  const { node, machine, date, lateMs, payloadBytes, repeat, quick, sizes } = result;
  const warning = quick
    ? '\nThis was a quick run on a busy machine. Only their order of magnitude counts, and relays of a busy machine are late at any rate.\n'
    : '';
  const kilobytes = sizes.map(({ idle }) => idle.bytes / 1000);
  const [least, most] = [Math.min(...kilobytes), Math.max(...kilobytes)].map((figure) => figure.toFixed(1));
  return `# Capacity

<!-- Made by "npm run docs" from bench/capacity.json, which "npm run bench:capacity" writes. -->

What one node bears in a container of each size, if its peers are honest. Each figure is the best of ${repeat} runs that do
nothing else, so give a node half of them: peers do several of these things at a time.

Measured on ${date}: Node ${node}, ${machine}.
${warning}
${capacityTable(result)}

- **heap**: \`NODE_OPTIONS=--max-old-space-size\`, in MiB.
- **idle connections**: each with a topic, in 80 % of the memory and of the heap. One takes ${least} to ${most} KB of the container.
  Calculated from those that were held: ${sizes.map(({ idle }) => idle.measured.toLocaleString('en')).join('; ')}. What strangers may make a node
  hold needs more room than peers do: [sizing](operations.md#sizing) has limits for that.
- **arrivals/s**: connections that come and subscribe, without TLS.
- **relays/s**: of ${payloadBytes} bytes over 200 pairs, with a p99 below ${lateMs} ms from the sender's write to the receiver's read.
  With less than a core, the kernel stops a container that has used up its share of 100 ms until the next. That is the
  p99 then.
- **deliveries/s of a fan-out**: messages of one sender, each to all subscribers of its topic; the time within which 99 %
  of the messages had reached all.

A process uses one core, and a little more for garbage collection and the kernel. Beyond that, add nodes.
`;
}
