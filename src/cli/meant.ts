/**
 * Advice for words that other programs understand, and this one does not. It never repeats a word, which may be a
 * token.
 */

const LISTEN = 'write --listen-addr HOST:PORT, such as --listen-addr 0.0.0.0:8080';
const LOG = 'set the level of the log with RUST_LOG, such as RUST_LOG=debug';
const FOREGROUND = 'the server stays in the foreground: run it under systemd, Docker or the like';

/** What to write instead of a flag, by names of it. */
const FLAGS: readonly (readonly [names: string, advice: string])[] = [
  ['--port -p --host --bind --listen --address --addr --listen-port --http-port --ws-port --interface', LISTEN],
  ['--token --auth --secret --password --api-key --bearer', 'write --auth-token TOKEN or --auth-token-file PATH'],
  ['--cert --certificate --ssl-cert --tls-crt --ssl --tls --https', 'write --tls-cert PATH and --tls-key PATH'],
  ['--key --private-key --ssl-key', 'write --tls-key PATH'],
  ['--ca --client-ca --ca-cert --cacert', 'write --tls-client-ca PATH'],
  ['--crl --client-crl --crl-file --ssl-crl --tls-crl', 'write --tls-client-crl PATH'],
  ['-c -f --conf --config-file --settings --file', 'write --config PATH'],
  ['--verbose --debug --quiet --silent -q -d -vv --log --log-level --loglevel --level', LOG],
  ['--daemon --background --detach --fork -D', FOREGROUND],
  ['--metrics --metrics-port --metrics-addr --prometheus --admin --admin-port', 'write --management-addr HOST:PORT'],
  ['--origin --origins --cors --cors-origin --allow-origin', 'write --allowed-origins ORIGINS'],
  ['--nats --nats-server --nats-servers --cluster --redis', 'write --nats-url URLS'],
  ['-? -help --h --usage', 'write --help'],
  ['-version --v', 'write --version'],
];

/** What to write instead of a command. */
const COMMANDS: readonly (readonly [names: string, advice: string])[] = [
  ['start run server up listen daemon launch', 'write serve, or nothing: it is the default'],
  ['check validate verify configtest lint config test-config', 'write check-config'],
  ['health ping alive live ready status', 'write healthcheck, or doctor URL for a server elsewhere'],
  ['diagnose diagnostics probe test debug', 'write doctor URL'],
  ['tokens new-token add-token gen-token keygen', 'write token new NAME'],
  ['kick ban close drop disconnect-all logout', 'write disconnect PRINCIPAL'],
  ['peers clients list who principals users', 'write connections'],
  ['stop kill shutdown', 'send the process SIGTERM'],
  ['reload restart', 'send the process SIGHUP to have it read its files again'],
];

/** What to write instead of a word of this form, where a command is expected. */
const FORMS: readonly (readonly [form: RegExp, advice: string])[] = [
  [/^(?:wss?|https?):\/\//i, 'write doctor URL to test a server'],
  [/^(?:[\w.-]*|\[[\da-f:.]+\]):?\d{2,5}$/i, LISTEN],
  [/\.(?:ya?ml|json|toml|conf)$/i, 'write --config PATH'],
];

/** Returns the advice for a flag of other programs, with its dashes; undefined where there is none. */
export function flagMeant(flag: string): string | undefined {
  if (/^-p\d/.test(flag)) return LISTEN;
  return find(FLAGS, flag) ?? (/^-[^-]./.test(flag) ? find(FLAGS, `-${flag}`) : undefined);
}

/** Returns the advice for a word that is not a command; undefined where there is none. */
export function commandMeant(word: string): string | undefined {
  return find(COMMANDS, word.toLowerCase()) ?? FORMS.find(([form]) => form.test(word))?.[1];
}

function find(table: readonly (readonly [names: string, advice: string])[], name: string): string | undefined {
  return table.find(([names]) => names.split(' ').includes(name))?.[1];
}
