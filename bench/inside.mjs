// Loaded into a measured server with --import: tells its heap, once garbage is collected. Needs --expose-gc.
process.on('message', () => {
  globalThis.gc();
  process.send(process.memoryUsage().heapUsed);
});
process.channel?.unref();
