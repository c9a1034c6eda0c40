#!/usr/bin/env node
// The server with a guard of one's own: open all day, then never.
import { connect, expect, startServer } from '../peer.mjs';
import { fileURLToPath } from 'node:url';

const guard = fileURLToPath(new URL('office-hours.js', import.meta.url));

const open = await startServer(['--guard', guard], { OPENS: '0', CLOSES: '24' });
const peer = await connect(open.url);
expect('a peer connects during office hours', peer.readyState === peer.OPEN);
peer.close();
await open.stop();

const closed = await startServer(['--guard', guard], { OPENS: '25', CLOSES: '25' });
const refused = await connect(closed.url);
expect(
  `outside of them it is told why: ${refused.status} ${refused.text}`,
  refused.status === 403 && refused.text === 'We open at 25.',
);
await closed.stop();
