import { describe, expect, it } from '@jest/globals';
import { faultsOf, snippets } from '../support/snippets.js';

describe('the snippets in the documents of the client', () => {
  it('compile as they are', () => {
    const typed = snippets().filter(({ language }) => /^tsx?$/.test(language));
    expect(typed.length).toBeGreaterThan(15);
    expect(faultsOf(typed)).toEqual([]);
  });

  it('would not compile with a name that there is not, or an argument that is wrong', () => {
    const wrong = { at: 'README.md:1', heading: '', language: 'ts' };
    const codes = ['signal.joins("t");', 'await connectPeer(signal, { secrets: secret });', 'unheardOf();'];
    expect(faultsOf(codes.map((code, i) => ({ ...wrong, at: `wrong.md:${i}`, code })))).toHaveLength(codes.length);
  });

  it('are checked, but for a command and the code of other libraries', () => {
    const others = snippets().filter(({ language }) => !/^tsx?$/.test(language));
    expect(others.map(({ language, heading }) => `${language}: ${heading}`)).toEqual([
      'sh: cairn-signal-client',
      'js: From PeerJS',
      'js: From simple-peer',
    ]);
  });
});
