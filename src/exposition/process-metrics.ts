/** A metric that prom-client keeps, and what it tells an operator. */
interface ProcessMetric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly moves: string;
}

/** Metrics of prom-client that we show: those that take no longer to read with more connections. */
export const PROCESS_METRICS: readonly ProcessMetric[] = [
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    moves: 'One process uses one core. Close to 1 per second: add nodes.',
  },
  { name: 'process_cpu_user_seconds_total', type: 'counter', moves: 'The part of our own code.' },
  {
    name: 'process_cpu_system_seconds_total',
    type: 'counter',
    moves: 'The part of the kernel: the larger one, for small messages.',
  },
  { name: 'process_start_time_seconds', type: 'gauge', moves: 'A jump is a restart.' },
  { name: 'process_resident_memory_bytes', type: 'gauge', moves: 'See "Sizing" in operations.md.' },
  { name: 'process_max_fds', type: 'gauge', moves: 'Caps `max-connections`.' },
  {
    name: 'nodejs_heap_size_total_bytes',
    type: 'gauge',
    moves: 'Close to `--max-old-space-size`: more memory or fewer connections.',
  },
  { name: 'nodejs_heap_size_used_bytes', type: 'gauge', moves: 'As above; the part that is really used.' },
  { name: 'nodejs_external_memory_bytes', type: 'gauge', moves: 'Includes what waits for slow consumers.' },
  {
    name: 'nodejs_eventloop_lag_seconds',
    type: 'gauge',
    moves: 'How late the event loop is now. Above 0.1 for a long time: the process has too much to do.',
  },
  {
    name: 'nodejs_eventloop_lag_mean_seconds',
    type: 'gauge',
    moves: 'The mean since the last scrape. On an idle process it is 10 ms, the interval of the measurement.',
  },
  { name: 'nodejs_eventloop_lag_p50_seconds', type: 'gauge', moves: 'As above.' },
  {
    name: 'nodejs_eventloop_lag_p99_seconds',
    type: 'gauge',
    moves: 'As above. Nearly all messages waited no longer than this.',
  },
  { name: 'nodejs_eventloop_lag_max_seconds', type: 'gauge', moves: 'As above; the longest stall.' },
  {
    name: 'nodejs_gc_duration_seconds',
    type: 'histogram',
    moves: 'Garbage collection. `major` in tenths of seconds means that the heap is full.',
  },
  { name: 'nodejs_version_info', type: 'gauge', moves: 'The version of Node.' },
];
