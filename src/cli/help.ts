import { renderFlags } from '../config/reference.js';

/** What `--help` prints. */
export function renderHelp(): string {
  return `cairn signaling server: peers find each other by topic over WebSocket and exchange their handshakes.

Usage: cairn-signal [COMMAND] [OPTIONS]

Commands:
  serve         Serve until SIGTERM or SIGINT (the default)
  check-config  Say whether the settings, certificates and tokens can be used, and end
  healthcheck   Ask the server of this container whether it is alive, and end

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
