// Versions as in Semantic Versioning 2.0.0, without build metadata: an image tag cannot hold its "+".

const NUMBER = '(0|[1-9]\\d*)';
const VERSION = new RegExp(
  `^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-((?:0|[1-9]\\d*|\\d*[A-Za-z-][\\dA-Za-z-]*)(?:\\.(?:0|[1-9]\\d*|\\d*[A-Za-z-][\\dA-Za-z-]*))*))?$`,
);

/** What a person must put right. The message is for that person. */
export class ReleaseFault extends Error {}

/**
 * Reads a version.
 * @param {string} text
 * @returns {{ text: string, numbers: number[], pre: string[] }} `pre` is empty for a release
 * @throws ReleaseFault
 */
export function readVersion(text) {
  const [match, major, minor, patch, pre] = VERSION.exec(text) ?? [];
  if (match === undefined) {
    throw new ReleaseFault(`${text || 'an empty text'} is no version: expected one such as 1.2.3 or 1.2.3-rc.1`);
  }
  return { text, numbers: [major, minor, patch].map(Number), pre: pre?.split('.') ?? [] };
}

/**
 * Reads the tag of a release, `v` and a version.
 * @param {string} tag
 * @throws ReleaseFault
 */
export function versionOf(tag) {
  if (!tag.startsWith('v')) {
    throw new ReleaseFault(`${tag || 'an empty text'} is no tag of a release: expected one such as v1.2.3`);
  }
  return readVersion(tag.slice(1));
}

/** Negative, 0 or positive: whether `a` comes before `b` (rule 11 of Semantic Versioning). */
export function compareVersions(a, b) {
  for (const [i, number] of a.numbers.entries()) if (number !== b.numbers[i]) return number - b.numbers[i];
  if (a.pre.length === 0 || b.pre.length === 0) return b.pre.length - a.pre.length;
  for (const [i, word] of a.pre.entries()) {
    const other = b.pre[i];
    if (other === undefined) return 1;
    if (word === other) continue;
    const [own, its] = [word, other].map((one) => /^\d+$/.test(one));
    if (own && its) return Number(word) - Number(other);
    if (own !== its) return own ? -1 : 1;
    return word < other ? -1 : 1;
  }
  return a.pre.length - b.pre.length;
}

/**
 * The tags of an image: its version; and X.Y and `latest` where no release that exists is higher in that line, or at
 * all. A pre-release moves neither.
 * @param {string} tag of this release
 * @param {readonly string[]} tags all tags of the repository; those that are none of a release do not count
 */
export function imageTags(tag, tags) {
  const version = versionOf(tag);
  if (version.pre.length > 0) return [version.text];
  const releases = tags.flatMap((other) => {
    try {
      return [versionOf(other)];
    } catch {
      return [];
    }
  });
  const isHighest = (among) => among.every((other) => other.pre.length > 0 || compareVersions(other, version) <= 0);
  const [major, minor] = version.numbers;
  const ofLine = releases.filter(({ numbers }) => numbers[0] === major && numbers[1] === minor);
  return [
    version.text,
    ...(isHighest(ofLine) ? [`${major}.${minor}`] : []),
    ...(isHighest(releases) ? ['latest'] : []),
  ];
}
