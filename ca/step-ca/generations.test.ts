import { describe, expect, it } from 'vitest';
import { MosaicError } from '../../domain/errors.ts';
import type { Generations, StepCaRollStore } from '../../domain/ports/authority.ts';
import { trustOf, type Crl, type IssueRequest } from '../authority.ts';
import { createStepCaGenerations, type StepCaInstance, type StepCaNext } from './generations.ts';

const clock = { now: () => new Date('2026-06-01T00:00:00Z') };
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const block = (name: string): string => `-----BEGIN X509 CRL-----\n${name}\n-----END X509 CRL-----\n`;

/** A step-ca that says what is asked of it. */
const fake = (id: string) => {
  const calls: string[] = [];
  const state = { isAway: false, faults: [] as readonly string[], until: '2026-06-02T00:00:00Z' };
  const answer = <T>(what: string, value: T): Promise<T> => {
    calls.push(what);
    return state.isAway ? Promise.reject(new MosaicError('ca_unavailable')) : Promise.resolve(value);
  };
  const list = (): Crl => ({
    der: new Uint8Array(),
    pem: `${block(id)}${block('root')}`,
    number: 7n,
    thisUpdate: clock.now(),
    nextUpdate: new Date(state.until),
  });
  const instance: StepCaInstance = {
    id,
    rootPem: `root of ${id}\n`,
    intermediatePem: `intermediate ${id}\n`,
    check: () => answer('check', state.faults),
    authority: {
      kind: 'step-ca',
      rootPem: () => answer('root', ''),
      issue: () => Promise.reject(new Error(`issued by ${id}`)),
      revoke: (serial) => answer(`revoke ${serial}`, undefined),
      crl: () => answer('crl', list()),
      ping: () => answer('ping', undefined),
    },
  };
  return { instance, calls, state };
};

const memoryStore = () => {
  const kept: { row: Generations<string> | null; isAway: boolean } = { row: null, isAway: false };
  const store: StepCaRollStore = {
    get: () =>
      kept.isAway ? Promise.reject(new MosaicError('database_unavailable')) : Promise.resolve(kept.row),
    change: (_from, to) => {
      kept.row = to;
      return Promise.resolve(true);
    },
  };
  return { kept, store };
};

const world = () => {
  const [x, y] = [fake('x'), fake('y')];
  const { kept, store } = memoryStore();
  const next: StepCaNext = { ...y.instance, linkPem: 'link' };
  const open = (first: StepCaInstance = x.instance, other: StepCaNext | null = next) =>
    createStepCaGenerations({ first, next: other, store, clock, log: silent });
  return { x, y, kept, open, next, authority: open() };
};

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'nothing',
    (error: unknown) => (error instanceof MosaicError ? error.code : error),
  );
const issuer = (authority: ReturnType<ReturnType<typeof world>['open']>): Promise<unknown> =>
  authority.issue({} as IssueRequest).catch((error: unknown) => (error as Error).message);
const namesIn = ({ pem }: Crl): readonly string[] =>
  pem.split('\n').filter((line) => line !== '' && !line.startsWith('-'));

describe('two step-cas, of which one takes the place of the other', () => {
  it('X-66 announce, switch, retire, in turn; each tells who issues, who is trusted and what announces', async () => {
    const { authority } = world();
    const seen: unknown[] = [];
    const look = async (): Promise<void> => {
      const { rootsPem, intermediatesPem, linksPem } = await trustOf(authority);
      seen.push([await issuer(authority), rootsPem, intermediatesPem, linksPem]);
    };
    await look();
    for (const step of ['announce', 'switch', 'retire'] as const) {
      for (const wrong of ['announce', 'switch', 'retire'] as const)
        if (wrong !== step) expect(await codeOf(authority.roll(wrong))).toBe('invalid_transition');
      await authority.roll(step);
      await look();
    }
    const both = ['root of x\nroot of y\n', 'intermediate x\nintermediate y\n', 'link'];
    expect(seen).toEqual([
      ['issued by x', 'root of x\n', 'intermediate x\n', ''],
      ['issued by x', ...both],
      ['issued by y', 'root of y\nroot of x\n', 'intermediate y\nintermediate x\n', 'link'],
      ['issued by y', 'root of y\n', 'intermediate y\n', ''],
    ]);
    // Until the configuration says so too there is nobody to follow.
    expect(await codeOf(authority.roll('announce'))).toBe('invalid_transition');
  });

  it('X-66 a step is not taken towards one that is away or set up wrongly', async () => {
    const { authority, y } = world();
    y.state.faults = ['it has no provisioner'];
    expect(await codeOf(authority.roll('announce'))).toBe('ca_unavailable');
    y.state.faults = [];
    y.state.isAway = true;
    expect(await codeOf(authority.roll('announce'))).toBe('ca_unavailable');
    y.state.isAway = false;
    await authority.roll('announce');
    y.state.isAway = true;
    expect(await codeOf(authority.roll('switch'))).toBe('ca_unavailable');
    expect((await authority.rollState()).phase).toBe('announced');
  });

  it('X-66 a configuration that does not know what the database names is refused, never guessed', async () => {
    const { authority, x, y, next, open, kept } = world();
    await authority.roll('announce');
    const alone = open(x.instance, null);
    // It still issues as before, and tells nobody half of what is trusted.
    expect(await issuer(alone)).toBe('issued by x');
    expect(await codeOf(alone.crl())).toBe('ca_unavailable');
    expect(await codeOf(trustOf(alone))).toBe('ca_unavailable');
    // Turned round too early.
    expect(await codeOf(trustOf(open(y.instance, { ...x.instance, linkPem: '' })))).toBe('ca_unavailable');
    await authority.roll('switch');
    await authority.roll('retire');
    // The retired one does not come back by a configuration that was left as it was before.
    expect(await issuer(open(x.instance, null))).toMatch(/^The database names|step-ca|authority/);
    expect(await codeOf(open(x.instance, null).rootPem())).toBe('ca_unavailable');
    expect(await issuer(open(y.instance, null))).toBe('issued by y');
    expect(kept.row?.oldest).toBe(next.id);
  });

  it('goes by what it saw last while the database is away', async () => {
    const { authority, kept, open } = world();
    await authority.roll('announce');
    await authority.roll('switch');
    kept.isAway = true;
    expect(await issuer(authority)).toBe('issued by y');
    await authority.ping();
    expect(await codeOf(open().rootPem())).toBe('database_unavailable');
  });

  it('revokes at each that may have issued, and is done when all have heard', async () => {
    const { authority, x, y } = world();
    await authority.revoke('a1', 'superseded', clock.now());
    await authority.roll('announce');
    // Has issued nothing yet, so that its being away holds nothing up.
    y.state.isAway = true;
    await authority.revoke('a2', 'superseded', clock.now());
    y.state.isAway = false;
    await authority.roll('switch');
    await authority.revoke('a3', 'superseded', clock.now());
    x.state.isAway = true;
    expect(await codeOf(authority.revoke('a4', 'superseded', clock.now()))).toBe('ca_unavailable');
    x.state.isAway = false;
    await authority.roll('retire');
    await authority.revoke('a5', 'superseded', clock.now());
    const revoked = ({ calls }: typeof x) => calls.filter((one) => one.startsWith('revoke'));
    expect(revoked(x)).toEqual(['revoke a1', 'revoke a2', 'revoke a3', 'revoke a4']);
    expect(revoked(y)).toEqual(['revoke a3', 'revoke a4', 'revoke a5']);
  });

  it('M6-3 gives the lists of both; one that is away goes on to its end, and is left out then', async () => {
    const { authority, x, y } = world();
    expect(namesIn(await authority.crl())).toEqual(['x', 'root']);
    await authority.roll('announce');
    expect(namesIn(await authority.crl())).toEqual(['x', 'root', 'y']);
    await authority.roll('switch');
    x.state.until = '2026-06-01T00:30:00Z';
    expect(await authority.crl()).toMatchObject({ nextUpdate: new Date('2026-06-01T00:30:00Z') });
    x.state.isAway = true;
    expect(namesIn(await authority.crl())).toEqual(['y', 'root', 'x']);
    x.state.isAway = false;
    x.state.until = '2026-05-31T23:00:00Z';
    await authority.crl();
    x.state.isAway = true;
    expect(namesIn(await authority.crl())).toEqual(['y', 'root']);
    y.state.isAway = true;
    expect(await codeOf(authority.crl())).toBe('ca_unavailable');
  });
});
