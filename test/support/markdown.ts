/** A Markdown document without what stands in fences, so that no example looks like a heading or a link. */
const withoutFences = (markdown: string): string => markdown.replaceAll(/^( *)```[^]*?^\1```$/gm, '');

export interface Section {
  readonly level: number;
  readonly title: string;
  /** What stands behind # in a link, as GitHub makes it. */
  readonly anchor: string;
  /** From the heading to the next of the same level, or a higher one. */
  readonly text: string;
}

/** The sections of a document, in order. */
export function sectionsOf(markdown: string): Section[] {
  const taken = new Map<string, number>();
  const headings = [...markdown.matchAll(/^(#{1,6}) (.+)$|^( *)```[^]*?^\3```$/gm)].filter(([, marks]) => marks);
  return headings.map(({ 1: marks, 2: title, index }, at) => {
    const next = headings.slice(at + 1).find(({ 1: others }) => others.length <= marks.length);
    return {
      level: marks.length,
      title,
      anchor: anchorOf(title, taken),
      text: markdown.slice(index, next?.index),
    };
  });
}

/** As github-slugger: small letters, no punctuation, a hyphen for each space, and a number for the second of a name. */
function anchorOf(title: string, taken: Map<string, number>): string {
  const name = title
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, '')
    .replaceAll(' ', '-');
  const before = taken.get(name) ?? 0;
  taken.set(name, before + 1);
  return before === 0 ? name : `${name}-${before}`;
}

/** What a link to the document may name behind #. */
export const anchorsOf = (markdown: string): string[] => [
  ...sectionsOf(markdown).map(({ anchor }) => anchor),
  ...[...withoutFences(markdown).matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id),
];

/** Where its links lead. */
export const linksOf = (markdown: string): string[] =>
  [
    ...withoutFences(markdown)
      .replaceAll(/`[^`\n]*`/g, '')
      .matchAll(/\]\(([^()\s]+)\)/g),
  ].map(([, target]) => target);
