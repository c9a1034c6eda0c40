/** What a media range of an Accept header says (RFC 9110, section 12.5.1). */
interface Range {
  readonly type: string;
  readonly version: string | undefined;
  readonly quality: number;
}

/** A format that the metrics can be written in. */
interface Offer {
  readonly type: string;
  readonly versions: readonly string[];
}

const OPEN_METRICS: Offer = { type: 'application/openmetrics-text', versions: ['1.0.0', '0.0.1'] };
const PLAIN_TEXT: Offer = { type: 'text/plain', versions: ['0.0.4'] };

/**
 * Whether a client would rather have Prometheus' text format 0.0.4 than OpenMetrics, by its Accept header. One that
 * likes both equally, or neither, has no preference. Takes time linear in the length of the header.
 */
export function prefersPlainText(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const ranges = accept.split(',').map(rangeOf);
  return qualityOf(PLAIN_TEXT, ranges) > qualityOf(OPEN_METRICS, ranges);
}

function rangeOf(text: string): Range {
  const [type, ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const valueOf = (name: string): string | undefined =>
    parameters
      .find((parameter) => parameter.startsWith(`${name}=`))
      ?.slice(name.length + 1)
      .replaceAll('"', '');
  const quality = Number(valueOf('q') ?? 1);
  return { type, version: valueOf('version'), quality: quality >= 0 && quality <= 1 ? quality : 0 };
}

/** The quality that the most specific range gives the offer; 0 where none holds it. */
function qualityOf({ type, versions }: Offer, ranges: readonly Range[]): number {
  const group = `${type.slice(0, type.indexOf('/'))}/*`;
  const exactly = ranges.filter((range) => range.type === type);
  const levels = [
    exactly.filter(({ version }) => version !== undefined && versions.includes(version)),
    exactly.filter(({ version }) => version === undefined),
    ranges.filter((range) => range.type === group),
    ranges.filter((range) => range.type === '*/*'),
  ];
  const level = levels.find(({ length }) => length > 0) ?? [];
  return level.reduce((best, { quality }) => Math.max(best, quality), 0);
}
