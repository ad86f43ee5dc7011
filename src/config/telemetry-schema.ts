import { z } from 'zod';
import { HOST, field, isUrl, section, text } from './fields.ts';
import { parseOtlpHeaders } from './otlp-headers.ts';

export const OTLP_PROTOCOLS = ['http/protobuf', 'http/json'] as const;
const EXPORTERS = ['otlp', 'none'] as const;
const METRICS_TOKEN_LENGTH = 32;

const isCollector = (value: string): boolean => {
  const url = URL.parse(value);
  return url !== null && isUrl(value, ['https:', 'http:']) && url.username === '' && url.password === '';
};

const exporter = (what: string) =>
  field(z.enum(EXPORTERS), 'otlp or none', `Whether ${what} go to otlp.endpoint. Default: otlp.`);

export const telemetrySection = section(
  {
    disabled: field(z.boolean(), 'true or false', 'Switches all of it off. Default: false.'),
    service_name: field(
      z.string().regex(/^[\w.-]{1,63}$/),
      '1 to 63 characters of letters, digits, ".", "_", "-"',
      'What the gateway is called in traces and metrics. Default: mosaic- and gateway.name.',
    ),
    otlp: section(
      {
        endpoint: field(
          text.refine((value) => isCollector(value) && !/[?#]/.test(value)),
          'https://host:port or http://host:port of a collector, without user and password',
          'Base of an OpenTelemetry collector (OTLP over HTTP): /v1/traces and /v1/metrics are added. Default: nothing is sent.',
        ),
        protocol: field(
          z.enum(OTLP_PROTOCOLS),
          'http/protobuf or http/json (gRPC is not spoken)',
          'Encoding. Default: http/protobuf.',
        ),
        headers: field(
          text.refine((value) => parseOtlpHeaders(value) !== null),
          'name=value, parted by commas, values percent-encoded',
          'Headers for the collector, for example its token; prefer headers_file.',
        ),
        headers_file: field(text, 'the path of a readable file', 'File that holds those headers.'),
      },
      'Where traces and metrics are sent.',
    ),
    traces: section(
      {
        exporter: exporter('spans'),
        sample_ratio: field(
          z.number().min(0).max(1),
          'a number from 0 to 1',
          'Part of the requests that are traced, where nobody else decides. Default: 0.1.',
        ),
        followed_per_second: field(
          z.int().min(0).max(10_000),
          'a whole number from 0 to 10000',
          'How many traces a second are recorded because the sender records them, at most. 0: none. Default: 10.',
        ),
        delay_ms: field(
          z.int().min(10).max(60_000),
          'a whole number from 10 to 60000',
          'How long spans wait for company before they are sent, in milliseconds. Default: 5000.',
        ),
      },
      'Traces.',
    ),
    metrics: section(
      {
        exporter: exporter('metrics'),
        interval_ms: field(
          z.int().min(1_000).max(3_600_000),
          'a whole number from 1000 to 3600000',
          'How often metrics are sent, in milliseconds. Default: 60000.',
        ),
        host: field(
          text.regex(HOST),
          'a host name or an IP address',
          'Address to bind for /metrics, with port. Default: 127.0.0.1.',
        ),
        port: field(
          z.int().min(0).max(65_535),
          'a whole number from 0 to 65535',
          'Port of a listener that serves /metrics alone. Default: none.',
        ),
        token: field(
          z.string().regex(new RegExp(`^[\\w.~+/=-]{${METRICS_TOKEN_LENGTH},100}$`)),
          `${METRICS_TOKEN_LENGTH} to 100 characters of letters, digits and ._~+/=-`,
          'Bearer token that opens /metrics, and nothing else; prefer token_file. With it, the public listener serves /metrics too.',
        ),
        token_file: field(text, 'the path of a readable file', 'File that holds that token.'),
      },
      'Metrics.',
    ),
  },
  'OpenTelemetry and Prometheus. Off unless an endpoint, a port or a token is given.',
);
