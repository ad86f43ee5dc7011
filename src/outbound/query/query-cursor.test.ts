import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CURSOR_TTL_SECONDS } from '../../../domain/paging/cursor.ts';
import { macWith } from '../../kernel/mac.ts';
import {
  decodeBlendCursor,
  encodeBlendCursor,
  MAX_CURSOR_LENGTH,
  type BlendBinding,
  type BlendState,
} from './query-cursor.ts';

const mac = macWith(new Uint8Array(32).fill(3));
const now = new Date('2026-01-01T00:00:00.000Z');

const state = fc
  .record({
    id: fc.uuid(),
    at: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') }),
    sources: fc.array(
      fc.oneof(fc.constant(0), fc.constant(1), fc.stringMatching(/^[A-Za-z0-9_=+/-]{1,120}$/)),
      {
        minLength: 1,
        maxLength: 24,
      },
    ),
    hasPosition: fc.boolean(),
    source: fc.nat(),
  })
  .map(({ id, at, sources, hasPosition, source }): BlendState => ({
    position: hasPosition
      ? { at: { createdAt: at.toISOString(), id }, source: source % sources.length }
      : null,
    sources: sources.map((cell) => ({ done: cell === 0, upstream: typeof cell === 'string' ? cell : null })),
  }));

const bindingFor = ({ sources }: BlendState): BlendBinding => ({
  userId: 'ann',
  resource: 'tasks',
  sources: sources.map((_source, index) => `source ${index}`),
});

describe('blended cursor', () => {
  it('reads back what was written, and fits into an address', () => {
    fc.assert(
      fc.property(state, (given) => {
        const cursor = encodeBlendCursor(mac, bindingFor(given), given, now);
        expect(cursor.length).toBeLessThanOrEqual(MAX_CURSOR_LENGTH);
        expect(decodeBlendCursor(mac, bindingFor(given), cursor, now)).toEqual(given);
      }),
    );
  });

  it('X-43 is refused with any bit flipped', () => {
    const given: BlendState = { position: null, sources: [{ done: false, upstream: 'abc' }] };
    const binding = bindingFor(given);
    const cursor = encodeBlendCursor(mac, binding, given, now);
    const bytes = Uint8Array.from(atob(cursor.replaceAll('-', '+').replaceAll('_', '/')), (c) =>
      c.charCodeAt(0),
    );
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const text = btoa(String.fromCharCode(...flipped))
        .replaceAll('+', '-')
        .replaceAll('/', '_')
        .replaceAll('=', '');
      expect(decodeBlendCursor(mac, binding, text, now)).toBeNull();
    }
  });

  it('X-43 is refused for another user, resource, list of sources or key, when expired, and as anything else', () => {
    const given: BlendState = { position: null, sources: [{ done: false, upstream: null }] };
    const binding = bindingFor(given);
    const cursor = encodeBlendCursor(mac, binding, given, now);
    const refused = (over: Partial<BlendBinding>): unknown =>
      decodeBlendCursor(mac, { ...binding, ...over }, cursor, now);
    expect(decodeBlendCursor(mac, binding, cursor, now)).toEqual(given);
    expect(refused({ userId: 'ben' })).toBeNull();
    expect(refused({ resource: 'notes' })).toBeNull();
    expect(refused({ sources: ['source 1'] })).toBeNull();
    expect(decodeBlendCursor(macWith(new Uint8Array(32)), binding, cursor, now)).toBeNull();
    const later = new Date(now.getTime() + CURSOR_TTL_SECONDS * 1000);
    expect(decodeBlendCursor(mac, binding, cursor, later)).toBeNull();
    for (const text of [
      '',
      'x',
      `${cursor}=`,
      `${cursor}A`,
      cursor.slice(1),
      'é',
      'A'.repeat(MAX_CURSOR_LENGTH + 1),
    ]) {
      expect(decodeBlendCursor(mac, binding, text, now)).toBeNull();
    }
  });
});
