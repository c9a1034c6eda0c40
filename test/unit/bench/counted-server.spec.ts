import { describe, expect, it } from '@jest/globals';
import { parseCount } from '../../../bench/counted-server.mjs';

describe('what valgrind says that it has counted', () => {
  it('is added up over the threads, and not over the functions', () => {
    const printed = `events: Ir
part: 0
threads: 1 2
current-tid: 1
events-1: 152063326
frames-1: 1
function-1-0: uv__io_poll
calls-1-0: 3002
events-1-0: 95830582
events-2: 199
frames-2: 0
`;
    expect(parseCount(printed)).toBe(152_063_525);
  });

  it('is an error without counts', () => {
    expect(() => parseCount('instrumentation: off\n')).toThrow('valgrind gives no counts:\ninstrumentation: off');
  });
});
