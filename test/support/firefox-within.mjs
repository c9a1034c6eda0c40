// A headless Firefox with an empty profile, driven through the standard streams: node firefox-within.mjs PORT
// Passes what comes on to the port, where Firefox speaks WebDriver BiDi, and back. Ends when Firefox does, and ends Firefox
// when nothing more can come, as when whoever started it was killed.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [port] = process.argv.slice(2);

const PREFERENCES = {
  // Firefox itself asks nobody anything.
  'app.normandy.enabled': false,
  'app.update.disabledForTesting': true,
  'browser.aboutwelcome.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,',
  'toolkit.telemetry.server': 'data:,',
  // JSON is shown as text, without a policy of its own.
  'devtools.jsonview.enabled': false,
  // Candidates are addresses. Their names would be resolved by multicast.
  'media.peerconnection.ice.obfuscate_host_addresses': false,
};

const profile = mkdtempSync(join(tmpdir(), 'cairn-signal-firefox-'));
const preferences = Object.entries(PREFERENCES).map(
  ([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`,
);
writeFileSync(join(profile, 'user.js'), preferences.join(''));

const firefox = spawn(
  'firefox-esr',
  ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', port],
  {
    env: { ...process.env, HOME: profile },
    stdio: ['ignore', 'ignore', 'pipe'],
  },
);
firefox.on('close', () => {
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  process.exit();
});
const end = () => firefox.kill('SIGKILL');
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, end);
process.stdin.on('close', end);
process.stdout.on('error', end);

createInterface(firefox.stderr).on('line', (line) => {
  if (!line.startsWith('WebDriver BiDi listening')) return;
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', end);
  process.stdin.pipe(socket).pipe(process.stdout);
});
