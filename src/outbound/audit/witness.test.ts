import { describe, expect, it } from 'vitest';
import { writeCheckpoint, writePlace } from '../../../domain/audit/checkpoint.ts';
import { createWitness, readRemembered } from './witness.ts';

const peer = 'peer';
const writer = (index: number): string => `6f1c2f0e-3a53-4c57-8f0a-${String(index).padStart(12, '0')}`;
const headers = (writerId: string, seq: number, head = 'a', signed: number | null = null): Headers => {
  const made = new Headers({
    'mosaic-audit': writePlace({ writerId, seq, head: head.repeat(64), durableSeq: 0 }),
  });
  const common = { writerId, head: head.repeat(64), at: new Date(0), path: [], signature: 'f'.repeat(128) };
  if (signed !== null) made.set('mosaic-audit-checkpoint', writeCheckpoint({ ...common, seq: signed }));
  return made;
};

const setUp = () => {
  let now = 0;
  const state = { seen: null as string | null, races: 0, alerts: [] as unknown[] };
  const make = () =>
    createWitness(
      {
        auditOf: async () => ({ key: null, seen: state.seen }),
        setAuditSeen: async (_id, before, seen) => {
          if (state.races > 0) {
            state.races -= 1;
            return false;
          }
          if (before !== state.seen) return false;
          state.seen = seen;
          return true;
        },
      },
      { now: () => new Date((now += 10)) },
      {
        debug: () => undefined,
        info: () => undefined,
        warn: () => undefined,
        error: (_message, fields) => void state.alerts.push(fields),
      },
    );
  return { state, make };
};

describe('what is remembered of a peer’s audit log', () => {
  it('goes forward only, survives a restart, and is merged with what another replica wrote', async () => {
    const { state, make } = setUp();
    const one = make();
    one.note(peer, headers(writer(1), 5, 'a', 4));
    one.note(peer, headers(writer(1), 3));
    state.races = 1;
    await one.settled();
    const other = make();
    other.note(peer, headers(writer(2), 1));
    other.note(peer, headers(writer(1), 2));
    await other.settled();
    const kept = readRemembered(state.seen);
    expect(kept.map(({ writerId, seq, conflict }) => [writerId, seq, conflict])).toEqual(
      expect.arrayContaining([
        [writer(1), 5, null],
        [writer(2), 1, null],
      ]),
    );
    expect(kept.find(({ writerId }) => writerId === writer(1))?.checkpoint).toContain(';4;');
  });

  it('two heads for one entry raise an alert and are not forgotten', async () => {
    const { state, make } = setUp();
    const witness = make();
    witness.note(peer, headers(writer(1), 5, 'a'));
    witness.note(peer, headers(writer(1), 5, 'b'));
    witness.note(peer, headers(writer(1), 6, 'b'));
    await witness.settled();
    expect(state.alerts).toMatchObject([{ alert: 'audit_two_heads', peer_id: peer }]);
    expect(readRemembered(state.seen)).toMatchObject([{ seq: 6, conflict: 5 }]);
  });

  it('stays bounded whatever a peer makes up, and takes nothing that has not the form', async () => {
    const { state, make } = setUp();
    const witness = make();
    for (let index = 0; index < 500; index += 1) witness.note(peer, headers(writer(index), 1));
    witness.note(peer, new Headers({ 'mosaic-audit': 'x'.repeat(10_000) }));
    witness.note(peer, new Headers());
    await witness.settled();
    await witness.settled();
    expect(readRemembered(state.seen)).toHaveLength(32);
    expect(state.seen?.length).toBeLessThan(32 * 600);
  });

  it('shows a checkpoint once, until there is a newer one', () => {
    const { make } = setUp();
    const witness = make();
    expect(witness.show(peer)).toBeNull();
    witness.note(peer, headers(writer(1), 5, 'a', 4));
    expect(witness.show(peer)).toContain(';4;');
    expect(witness.show(peer)).toBeNull();
    witness.note(peer, headers(writer(1), 8, 'a', 7));
    expect(witness.show(peer)).toContain(';7;');
  });
});
