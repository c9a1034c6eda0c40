import { NAME_RULE } from '../auth/named-token.js';
import { renderFlags } from '../config/reference.js';

/** Renders what `--help` prints. */
export function renderHelp(): string {
  return `cairn signaling server: peers find each other by topic over WebSocket and exchange their handshakes.

Usage: cairn-signal [COMMAND] [OPTIONS]

Commands:
  serve         Serve until SIGTERM or SIGINT (the default)
  check-config  Check the settings, certificates and tokens, and exit
  healthcheck   Ask the server in this container whether it is alive, and exit
  doctor        Test a server, the proxy in front of it and a token: doctor URL
  connections   Say how many connections each principal has on this node
  disconnect    Close all connections of a principal, on all nodes: disconnect PRINCIPAL
  token         Make a token with a name, for auth-token-file: token new NAME [--file PATH]

Options:
${renderFlags()}

  -h, --help
      Print this help
  -V, -v, --version
      Print the version

Log levels: RUST_LOG=info, RUST_LOG=cairn_signal=debug, RUST_LOG=off.
Exit codes: 0 stopped as asked, 1 could not serve, 2 faults in the settings.
3: disconnect, but nobody was connected as that principal.
129, 130, 131, 143: a second signal ended it immediately. 141: nobody reads what is printed.
`;
}

/** Renders what `cairn-signal token --help` prints. */
export function renderTokenHelp(): string {
  return `Makes a token with a name, for a server that reads auth-token-file.

Usage: cairn-signal token new NAME [--file PATH]

NAME says who gets the token: ${NAME_RULE}.
A name may have several tokens. The output is the token, for the peer, and a line for the
server's file, NAME:sha256:DIGEST. The line holds only the SHA-256 of the token. The token itself
is stored nowhere and cannot be shown again. A server reads its file again when it changes.

Options:
  --file PATH
      Append the line to this file, and print only the token. A missing file is created with mode
      0600, for the current user: make sure that the server's user can read it.

  -h, --help
      Print this help

Exit codes: 0 made, 1 the file cannot be written, 2 not understood.
`;
}
