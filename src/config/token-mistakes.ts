/** Words of which examples make up a secret. */
const PLACEHOLDERS = new Set(
  (
    'your my the a some any insert put enter replace change example sample dummy secret password passwd token auth bearer ' +
    'api key here me this it with todo fixme admin test changeme changeit replaceme yourtoken mytoken yoursecret mysecret ' +
    'secrettoken secretkey authtoken yourkey'
  ).split(' '),
);

/** Mistakes in the spelling of a token, and what to do about each. */
const MISTAKES: readonly (readonly [mistake: string, looks: (written: string) => boolean])[] = [
  ['it looks like a PEM, which is not a token', (written) => written.startsWith('-----')],
  ['the quotes are a part of the token: remove them', isQuoted],
  [
    'it begins or ends with a quote, which is a part of the token: remove it',
    (written) => /^["'`]|["'`]$/.test(written),
  ],
  [
    '"Bearer" is a part of the token: remove it, since peers send it before the token',
    (written) => /^bearer\s/i.test(written),
  ],
  [
    'it looks like a line of a shell script, of which all is the token: leave only the value',
    (written) => /^export\s/.test(written),
  ],
  ['it looks like NAME=VALUE, of which all is the token: leave only the value', isAssignment],
  ['it looks like a placeholder that nothing has replaced', isPlaceholder],
  [
    'it looks like YAML, of which all is the token: leave only the value',
    (written) => /^(?:- |[\w.-]+: )/.test(written),
  ],
  ['it looks like JSON, of which all is the token: leave only the value', (written) => /^[[{]|^[\]}],?$/.test(written)],
  [
    'it looks like a hash of a password, but the file holds NAME:sha256:DIGEST',
    (written) => /^[^:]*:(?:\$\w+\$|\{S?SHA)/.test(written),
  ],
  ['what follows " #" is a part of the token: write a comment on a line of its own', (written) => / #/.test(written)],
  ['"\\n" at its end is a part of the token, two characters: remove it', (written) => /\\[rn]$/.test(written)],
  ['the comma or semicolon at its end is a part of the token: remove it', (written) => /[,;]$/.test(written)],
  ['the space in it is a part of the token: write one token on a line', (written) => written.includes(' ')],
];

/** Returns what is almost surely not meant in a token, without repeating any of it; undefined where it looks right. */
export function mistakeInToken(written: string): string | undefined {
  return MISTAKES.find(([, looks]) => looks(written))?.[0];
}

/** Whether a value stands in quotes, as files of environment variables hand them on. */
export function isQuoted(written: string): boolean {
  return written.length > 1 && ['"', "'", '`'].includes(written[0]) && written.endsWith(written[0]);
}

function isPlaceholder(written: string): boolean {
  if (/^\$[\w({]|^%\w+%$|^\{\{|^<[^>]*>$|^\.{3}$|^\*+$/.test(written)) return true;
  const words = written.toLowerCase().split(/[\s._-]+/);
  return words.every((word) => PLACEHOLDERS.has(word.replace(/\d{1,3}$/, '')) || /^(?:x{3,}|\d{1,3})$/.test(word));
}

/** Whether a text is `NAME=VALUE`. Base64 has its `=` at the end only. */
function isAssignment(written: string): boolean {
  const equals = written.indexOf('=');
  const name = written.slice(0, Math.max(0, equals)).trimEnd();
  if (!/^[\w.-]+$/.test(name) || /^=?$/.test(written.slice(equals + 1))) return false;
  return /^[A-Z_][A-Z\d_]*$/.test(name) || /token|secret|password|key/i.test(name);
}
