/** A flag of the doctor, for the parser and for the help. */
export interface DoctorFlag {
  /** Placeholder for the value; undefined for a switch. */
  readonly value?: string;
  /** The value when none is given. */
  readonly otherwise?: string;
  readonly about: string;
}

/**
 * The doctor's flags, by name without the leading dashes. None is a setting: the doctor may run on a machine without a
 * server.
 */
export const DOCTOR_FLAGS: Readonly<Record<string, DoctorFlag>> = {
  token: {
    value: 'TOKEN',
    about: 'The bearer token to show. Others on this machine can see it in the process list.',
  },
  'token-file': {
    value: 'PATH',
    about: 'A file with the token: its first line that is not empty and does not begin with #.',
  },
  idle: {
    value: 'TIME',
    otherwise: '2m',
    about: 'Also test whether a silent connection lasts that long; 2m if no time is given.',
  },
  json: { about: 'Print one JSON object and nothing else.' },
  ca: { value: 'PATH', about: 'Certificates (PEM) of more authorities to trust, for your own certificates.' },
  cert: { value: 'PATH', about: 'A certificate (PEM, with its chain) to show if the server asks for one.' },
  key: { value: 'PATH', about: 'Its private key (PEM, without a passphrase).' },
  topic: {
    value: 'TOPIC',
    about: 'A topic that no peer is on, for servers that forbid random ones. Others here can see it.',
  },
  timeout: { value: 'TIME', about: 'The longest wait for any one answer. [default: 10s]' },
};

/** Renders what `cairn-signal doctor --help` prints. */
export function renderDoctorHelp(): string {
  const flags = Object.entries(DOCTOR_FLAGS).map(([name, { value, otherwise, about }]) => {
    const shown = value === undefined ? '' : otherwise === undefined ? ` ${value}` : ` [${value}]`;
    return `  --${name}${shown}\n      ${about}`;
  });
  return `Tests a signaling server, the proxy in front of it and a token.

Usage: cairn-signal doctor URL [OPTIONS]

URL is the one that peers use, such as wss://signal.example.com. A host alone means wss://. The
doctor opens a dozen connections, one or two at a time. It leaves behind only one record of 16
bytes, on a topic that nobody knows. The record expires. It also asks the STUN and TURN servers that
the server tells peers of.

Options:
${flags.join('\n\n')}

  -h, --help
      Print this help

Exit codes: 0 nothing failed, though there may be warnings, 1 something failed, 2 faults on the
command line.
`;
}
