import { describe, expect, it } from 'vitest';
import { readPeerBindings } from './peer-bindings.ts';

const GRANT = '0198c1de-0000-7000-8000-000000000001';
const OTHER = '0198c1de-0000-7000-8000-000000000002';
const CA = `sha256:${'ab'.repeat(32)}`;

describe('MOSAIC_PEER_BINDINGS', () => {
  it('maps a grant to a binding and the root it was made for, as text or as JSON', () => {
    const document = { [GRANT]: { binding: 'PEER_WORK', ca: CA } };
    const expected = new Map([[GRANT, { name: 'PEER_WORK', caFingerprint: 'ab'.repeat(32), lists: null }]]);
    expect(readPeerBindings(JSON.stringify(document))).toEqual(expected);
    expect(readPeerBindings(document)).toEqual(expected);
    expect(readPeerBindings(undefined)).toEqual(new Map());
  });

  it('F-78 may name a binding for the peer’s revocation list, which presents nothing', () => {
    const document = { [GRANT]: { binding: 'PEER_WORK', ca: CA, lists: 'LISTS_WORK' } };
    expect(readPeerBindings(document).get(GRANT)).toMatchObject({ name: 'PEER_WORK', lists: 'LISTS_WORK' });
    expect(() => readPeerBindings({ [GRANT]: { binding: 'PEER_WORK', ca: CA, lists: 'no name' } })).toThrow(
      /MOSAIC_PEER_BINDINGS/,
    );
  });

  it.each([
    ['no JSON', 'PEER_WORK'],
    ['a list', '[]'],
    ['no grant id', { work: { binding: 'PEER_WORK', ca: CA } }],
    ['no pin', { [GRANT]: { binding: 'PEER_WORK' } }],
    ['half a pin', { [GRANT]: { binding: 'PEER_WORK', ca: 'sha256:ab' } }],
    ['a name no binding has', { [GRANT]: { binding: 'PEER WORK', ca: CA } }],
    ['a key nobody knows', { [GRANT]: { binding: 'PEER_WORK', ca: CA, trust: 'any' } }],
  ])('refuses %s, with what was expected and nothing of the value', (_name, given) => {
    expect(() => readPeerBindings(given)).toThrow(/MOSAIC_PEER_BINDINGS.*expected \{"<grant id>"/s);
    expect(() => readPeerBindings(given)).not.toThrow(/sha256:ab\b/);
  });

  it('refuses one binding for two grants: one certificate belongs to one grant', () => {
    const entry = { binding: 'PEER_WORK', ca: CA };
    expect(() => readPeerBindings({ [GRANT]: entry, [OTHER]: entry })).toThrow(/another grant’s/);
  });
});
