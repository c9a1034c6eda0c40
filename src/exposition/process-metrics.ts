/** A metric that prom-client keeps, and what an operator should make of it. */
interface ProcessMetric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly moves: string;
}

/** What prom-client tells of any Node process and we show: those whose reading does not cost time in the number of connections. */
export const PROCESS_METRICS: readonly ProcessMetric[] = [
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    moves: 'One process uses one core: near 1 a second, add nodes.',
  },
  { name: 'process_cpu_user_seconds_total', type: 'counter', moves: 'Of that, our code.' },
  {
    name: 'process_cpu_system_seconds_total',
    type: 'counter',
    moves: 'Of that, the kernel: most of it, for small messages.',
  },
  { name: 'process_start_time_seconds', type: 'gauge', moves: 'A jump is a restart.' },
  { name: 'process_resident_memory_bytes', type: 'gauge', moves: 'See "Sizing" in operations.md.' },
  { name: 'process_max_fds', type: 'gauge', moves: '`max-connections` is cut to what fits below it.' },
  {
    name: 'nodejs_heap_size_total_bytes',
    type: 'gauge',
    moves: 'Towards `--max-old-space-size`: more memory or fewer connections.',
  },
  { name: 'nodejs_heap_size_used_bytes', type: 'gauge', moves: 'As above, what is really used.' },
  { name: 'nodejs_external_memory_bytes', type: 'gauge', moves: 'What waits for slow peers is here.' },
  {
    name: 'nodejs_eventloop_lag_seconds',
    type: 'gauge',
    moves: 'How late the process is now. Over 0.1 for long: it has too much to do.',
  },
  {
    name: 'nodejs_eventloop_lag_mean_seconds',
    type: 'gauge',
    moves: 'The same since the last scrape; idle, it is the 10 ms at which it is measured.',
  },
  { name: 'nodejs_eventloop_lag_p50_seconds', type: 'gauge', moves: 'As above.' },
  { name: 'nodejs_eventloop_lag_p99_seconds', type: 'gauge', moves: 'As above; every message waited at most so long.' },
  { name: 'nodejs_eventloop_lag_max_seconds', type: 'gauge', moves: 'As above: the longest stall.' },
  {
    name: 'nodejs_gc_duration_seconds',
    type: 'histogram',
    moves: 'Garbage collection; `major` in tenths of seconds means a full heap.',
  },
  { name: 'nodejs_version_info', type: 'gauge', moves: 'Which Node runs.' },
];
