import { describe, expect, it } from '@jest/globals';
import { prefersPlainText } from '../../../src/exposition/accept.js';

const PROMETHEUS_2 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';

describe('the format of the metrics', () => {
  it.each([
    'text/plain',
    'text/plain; version=0.0.4',
    'text/plain;version="0.0.4";q=0.2',
    'TEXT/PLAIN;Version=0.0.4',
    'text/*',
    'text/plain, */*;q=0.5',
    'text/plain;q=0.5,application/openmetrics-text;q=0.4',
    'application/openmetrics-text;version=2.0.0,text/plain;version=0.0.4;q=0.1',
    'application/openmetrics-text;q=0,*/*',
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily,text/plain;q=0.3',
  ])('is plain text for "%s"', (accept) => {
    expect(prefersPlainText(accept)).toBe(true);
  });

  it.each([
    undefined,
    '',
    '*/*',
    'application/openmetrics-text',
    'application/openmetrics-text;version=1.0.0,text/plain',
    'application/openmetrics-text;q=0.5,text/plain;q=0.4',
    'text/plain;version=0.0.1',
    'text/plain;q=0',
    'text/plain;q=x',
    'text/plain;q=-1',
    'application/json',
    'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    PROMETHEUS_2,
    PROMETHEUS_3,
  ])('is OpenMetrics for "%s"', (accept) => {
    expect(prefersPlainText(accept)).toBe(false);
  });
});
