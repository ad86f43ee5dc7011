import { describe, expect, it } from 'vitest';
import { certificateTarget, derTarget, listTarget, pemTarget, requestTarget } from './der-targets.ts';
import { faultOf } from './fuzz.ts';
import { cursorTarget, headerTarget, jsonTarget, statementTarget, traceTarget } from './text-targets.ts';

const SEED = process.env['FUZZ_SEED'];
const EFFORT = { small: 20_000, large: 50, ...(SEED ? { seed: Number(SEED) } : {}) };

/**
 * What each reader of outsiders' text and bytes takes is what an independent one takes, whatever is made of real files; it
 * throws nothing that it does not document, and no input costs it a second. A failure prints seed and path: the same inputs
 * come again with FUZZ_SEED.
 */
describe('F-1 fuzzing the readers of what outsiders send', () => {
  it.each([
    ['DER', derTarget],
    ['certificate', certificateTarget],
    ['certificate request', requestTarget],
    ['revocation list', listTarget],
    ['PEM', pemTarget],
    ['JSON', jsonTarget],
    ['signed statement', statementTarget],
    ['certificate header', headerTarget],
    ['cursor', cursorTarget],
    ['traceparent', traceTarget],
  ] as const)('%s', async (_name, make) => {
    expect(await faultOf(await make(), EFFORT)).toBeNull();
  });
});
