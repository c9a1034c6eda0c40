#!/usr/bin/env node
// The server with a guard of one's own: open all day, then never.
import { fileURLToPath } from 'node:url';
import { Peer } from '../peer.mjs';
import { expect, startServer } from '../server.mjs';

const guard = fileURLToPath(new URL('office-hours.js', import.meta.url));

const open = await startServer(['--guard', guard], { OPENS: '0', CLOSES: '24' });
const peer = await Peer.connect(open.url);
expect('a peer connects during office hours', peer.isOpen);
await peer.close();
await open.stop();

const closed = await startServer(['--guard', guard], { OPENS: '25', CLOSES: '25' });
const { status, body } = await Peer.refused(closed.url);
expect(`outside of them it is told why: ${status} ${body.trim()}`, status === 403 && body === 'We open at 25.\n');
await closed.stop();
