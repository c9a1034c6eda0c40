#!/usr/bin/env node
// The server with a guard of one's own: open all day, then never.
import { fileURLToPath } from 'node:url';
import { connectWith, refused } from '../peers.mjs';
import { expect } from '../promised.mjs';
import { startServer } from '../server.mjs';

const guard = fileURLToPath(new URL('office-hours.js', import.meta.url));

const open = await startServer(['--guard', guard], { OPENS: '0', CLOSES: '24' });
const { signal } = await connectWith(open);
expect('a peer connects during office hours', signal.state === 'open');
signal.close();
await open.stop();

const closed = await startServer(['--guard', guard], { OPENS: '25', CLOSES: '25' });
const { status, sentence } = await refused(closed);
expect(`outside of them it is told why: ${status} ${sentence}`, status === 403 && sentence === 'We open at 25.');
await closed.stop();
