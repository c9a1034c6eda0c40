import { describe, expect, it } from '@jest/globals';
import { anchorsOf, linksOf, sectionsOf } from '../support/markdown.js';

describe('the anchors of a document', () => {
  it.each([
    ['Log, signals, exit codes', 'log-signals-exit-codes'],
    ['Peers that are answered (cairn-signal.v2)', 'peers-that-are-answered-cairn-signalv2'],
    ['The `tls` line & more', 'the-tls-line--more'],
    ['A [link](x.md) in it', 'a-link-in-it'],
    ['snake_case', 'snake_case'],
  ])('of %s', (title, anchor) => {
    expect(anchorsOf(`# ${title}\n`)).toEqual([anchor]);
  });

  it('count what has the same name, and leave out what stands in a fence', () => {
    const markdown = '# a\n\n```sh\n# no\n[no](no.md)\n```\n\n## a\n\ntext [b](b.md) `[c](c.md)`\n\n# c\n';
    expect(anchorsOf(markdown)).toEqual(['a', 'a-1', 'c']);
    expect(linksOf(markdown)).toEqual(['b.md']);
    expect(sectionsOf(markdown)[1].text).toContain('text');
    expect(sectionsOf(markdown)[1].text).not.toContain('# c');
  });
});
