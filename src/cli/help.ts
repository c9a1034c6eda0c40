import { NAME_RULE } from '../auth/named-token.js';
import { renderFlags } from '../config/reference.js';

/** What `--help` prints. */
export function renderHelp(): string {
  return `cairn signaling server: peers find each other by topic over WebSocket and exchange their handshakes.

Usage: cairn-signal [COMMAND] [OPTIONS]

Commands:
  serve         Serve until SIGTERM or SIGINT (the default)
  check-config  Say whether the settings, certificates and tokens can be used, and end
  healthcheck   Ask the server of this container whether it is alive, and end
  doctor        Tell whether a server, the proxy before it and a token are right: doctor URL
  token         token new NAME [--file PATH]: make a token with a name, for auth-token-file

Options:
${renderFlags()}

  -h, --help
      Print this
  -V, --version
      Print the version

Log levels: RUST_LOG=info, RUST_LOG=cairn_signal=debug, RUST_LOG=off.
Exit codes: 0 ended as asked, 1 could not serve, 2 faults in the settings.
`;
}

/** What `cairn-signal token --help` prints. */
export function renderTokenHelp(): string {
  return `Makes a token with a name, for a server that reads auth-token-file.

Usage: cairn-signal token new NAME [--file PATH]

NAME is who is to have the token: ${NAME_RULE}.
A name may have several tokens. Printed are the token, for the peer, and its line for the
server's file, NAME:sha256:DIGEST, which holds no more than the token's SHA-256: the token itself
is kept nowhere, and cannot be shown again. A server reads its file again when it changes.

Options:
  --file PATH
      Append the line to this file, and print the token alone. Where there is no such file, it
      is made for who runs this alone (0600): the server's user must be able to read it.

  -h, --help
      Print this

Exit codes: 0 made, 1 the file cannot be written, 2 not understood.
`;
}
