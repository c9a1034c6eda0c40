// Loaded into the server with --import: answers how many connections the process holds, and what memory once all
// garbage is
// collected, so that it can be compared honestly. Needs --expose-gc. Otherwise the server is the program as it is
// built.
import { setImmediate } from 'node:timers/promises';

const answers = {
  connections: () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length,
  memory: async () => {
    // What the first collection frees may hold, by a finalizer, what only the second one can free.
    for (let i = 0; i < 2; i++) {
      globalThis.gc();
      await setImmediate();
    }
    return process.memoryUsage();
  },
};

process.on('message', async (question) => process.send(await answers[question]()));
// The soak is gone, however it ended.
process.on('disconnect', () => process.exit(1));
process.channel.unref();
