// Legal CBOR in the forms that cost a reader the most: one frame for each form, filled with as many repetitions as fit.

const hex = (text) => Buffer.from(text, 'hex');
const text = (value) => Buffer.concat([hex((0x60 + Buffer.byteLength(value)).toString(16)), Buffer.from(value)]);

const RELAY = Buffer.concat([hex('a1'), text('Relay'), hex('bf')]);
const TOPIC = Buffer.concat([text('topic'), text('t')]);
const PAYLOAD = text('payload');
const WHOLE = Buffer.concat([RELAY, TOPIC, PAYLOAD, hex('40')]);
const VALUE = Buffer.concat([WHOLE, text('x')]);

/** For each form: the bytes before it, the form itself, and the bytes that end it. */
const FORMS = {
  'fields named ""': [WHOLE, '6060', 'ff'],
  'fields named h""': [WHOLE, '4000', 'ff'],
  'fields with tagged names': [WHOLE, 'c06000', 'ff'],
  'fields of one character': [WHOLE, '62c3a962c3a9', 'ff'],
  'fields named almost topic': [WHOLE, '65746f70697a00', 'ff'],
  'fields of 24 bytes': [WHOLE, `7818${'61'.repeat(24)}00`, 'ff'],
  'a list of 0': [VALUE, '9f', '00', 'ffff'],
  'a list of ""': [VALUE, '9f', '60', 'ffff'],
  'a list of characters': [VALUE, '9f', '62c3a9', 'ffff'],
  'a list of []': [VALUE, '9f', '80', 'ffff'],
  'a list of open {}': [VALUE, '9f', 'bfff', 'ffff'],
  'a list of open ""': [VALUE, '9f', '7fff', 'ffff'],
  'a list of big numbers': [VALUE, '9f', 'c240', 'ffff'],
  'a list of big numbers of 16 bytes': [VALUE, '9f', `c350${'01'.repeat(16)}`, 'ffff'],
  'a list of null': [VALUE, '9f', 'f6', 'ffff'],
  'a list of floats': [VALUE, '9f', 'f90000', 'ffff'],
  'a list of tags': [VALUE, '9f', `${'c2'.repeat(200)}00`, 'ffff'],
  'a list of nested lists': [VALUE, '9f', `${'81'.repeat(250)}80`, 'ffff'],
  'empty chunks nobody reads': [VALUE, '7f', '60', 'ffff'],
  'a topic in empty chunks': [Buffer.concat([RELAY, PAYLOAD, hex('40'), text('topic')]), '7f', '60', 'ffff'],
  'a topic in characters': [Buffer.concat([RELAY, PAYLOAD, hex('40'), text('topic')]), '7f', '62c3a9', 'ffff'],
  'a payload in empty chunks': [Buffer.concat([RELAY, TOPIC, PAYLOAD]), '5f', '40', 'ffff'],
  'a payload in bytes': [Buffer.concat([RELAY, TOPIC, PAYLOAD]), '5f', '4101', 'ffff'],
  'a payload in nested chunks': [Buffer.concat([RELAY, TOPIC, PAYLOAD]), '5f', '5fff', 'ffff'],
  'a payload of integers': [Buffer.concat([RELAY, TOPIC, PAYLOAD]), '9f', '18ff', 'ffff'],
  'a payload of tagged integers': [Buffer.concat([RELAY, TOPIC, PAYLOAD]), '9f', 'c001', 'ffff'],
  'a payload of big numbers': [Buffer.concat([RELAY, TOPIC, PAYLOAD]), '9f', 'c240', 'ffff'],
  'a payload of big numbers in chunks': [Buffer.concat([RELAY, TOPIC, PAYLOAD]), '9f', 'c25fff', 'ffff'],
  'a payload of one big number in chunks': [Buffer.concat([RELAY, TOPIC, PAYLOAD]), '9fc25f', '4100', 'ffffff'],
  'tags before everything': [
    hex(''),
    '',
    'c1',
    `a1${text('Relay').toString('hex')}a2${TOPIC.toString('hex')}${PAYLOAD.toString('hex')}40`,
  ],
};

/** Each form as a legal Relay of at most `bytes` bytes, by name. */
export function slowForms(bytes) {
  return Object.fromEntries(
    Object.entries(FORMS).map(([name, [start, ...rest]]) => {
      const [open, form, end] = (rest.length === 3 ? rest : ['', ...rest]).map(hex);
      const times = Math.floor((bytes - start.length - open.length - end.length) / form.length);
      return [name, Buffer.concat([start, open, ...Array(times).fill(form), end])];
    }),
  );
}
