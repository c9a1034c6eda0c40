/** A flag of the doctor's, as it is typed and explained. */
export interface DoctorFlag {
  /** What stands behind it; none for a switch. */
  readonly value?: string;
  /** What it takes for its value where none is given. */
  readonly otherwise?: string;
  readonly about: string;
}

/** By the flag's name without dashes. None is a setting: the doctor may run where no server does. */
export const DOCTOR_FLAGS: Readonly<Record<string, DoctorFlag>> = {
  token: {
    value: 'TOKEN',
    about: 'The bearer token to show. Others on this machine can see it in the list of processes.',
  },
  'token-file': {
    value: 'PATH',
    about: 'A file that holds it: the first line that is not empty and begins with no #.',
  },
  idle: {
    value: 'TIME',
    otherwise: '2m',
    about: 'Also try whether a silent connection lasts that long; 2m if no time is given.',
  },
  json: { about: 'Print one JSON object, and nothing else.' },
  ca: { value: 'PATH', about: 'Certificates (PEM) of authorities to trust as well, for certificates of your own.' },
  cert: { value: 'PATH', about: 'A certificate (PEM, with its chain) to show where the server asks for one.' },
  key: { value: 'PATH', about: 'Its private key (PEM, without a passphrase).' },
  topic: {
    value: 'TOPIC',
    about: 'A topic that no peer is on, to use where random ones are forbidden. Others here can see it.',
  },
  timeout: { value: 'TIME', about: 'The longest wait for any one answer. [default: 10s]' },
};

/** What `cairn-signal doctor --help` prints. */
export function renderDoctorHelp(): string {
  const flags = Object.entries(DOCTOR_FLAGS).map(([name, { value, otherwise, about }]) => {
    const shown = value === undefined ? '' : otherwise === undefined ? ` ${value}` : ` [${value}]`;
    return `  --${name}${shown}\n      ${about}`;
  });
  return `Tells whether a signaling server, the proxy in front of it and a token are right.

Usage: cairn-signal doctor URL [OPTIONS]

URL is what peers are given, such as wss://signal.example.com; a host alone means wss://. It opens a
dozen connections, one or two at a time, and leaves nothing behind but one record of 16 bytes on a
topic that nobody knows, which expires by itself.

Options:
${flags.join('\n\n')}

  -h, --help
      Print this

Exit codes: 0 nothing failed, though there may be warnings, 1 something failed, 2 faults in what
was typed.
`;
}
