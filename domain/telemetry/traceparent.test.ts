import { describe, expect, it } from 'vitest';
import { readTraceparent, traceIdOf, writeTraceparent } from './traceparent.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('traceparent', () => {
  it.each([
    ['01', true],
    ['00', false],
    ['03', true],
    ['02', false],
  ])('M5-7 reads the ids and the sampled bit of flags %s', (flags, isSampled) => {
    const header = `00-${TRACE}-${SPAN}-${flags}`;
    expect(readTraceparent(header)).toEqual({ traceId: TRACE, spanId: SPAN, isSampled });
    expect(traceIdOf(header)).toBe(TRACE);
  });

  it('reads of a later version what it shares with this one', () => {
    expect(readTraceparent(`cc-${TRACE}-${SPAN}-01-what-the-future-brings`)?.traceId).toBe(TRACE);
  });

  it.each([
    undefined,
    '',
    TRACE,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-01-`,
    `00-${TRACE}-${SPAN}-1`,
    ` 00-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01 `,
    `00-${TRACE}-${SPAN}-01\nx`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `ff-${TRACE}-${SPAN}-01`,
    `0-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-zz`,
    `00-${TRACE}x-${SPAN}-01`,
    '%s'.repeat(4_000),
  ])('M5-7 takes no trace from the malformed %j', (header) => {
    expect(readTraceparent(header)).toBeNull();
    expect(traceIdOf(header)).toBeNull();
  });

  it('writes what it reads', () => {
    for (const isSampled of [true, false]) {
      expect(readTraceparent(writeTraceparent(TRACE, SPAN, isSampled))).toEqual({
        traceId: TRACE,
        spanId: SPAN,
        isSampled,
      });
    }
  });
});
