import { describe, expect, it } from 'vitest';
import { evaluate, EXIT_OF } from './evaluate.ts';
import type { PeerStanding } from '../../../../domain/status/health.ts';
import type { DatabaseFinding, ExpiryKind, Finding } from './finding.ts';

const NOW = new Date('2026-06-01T00:00:00Z');
const inDays = (days: number): Date => new Date(NOW.getTime() + days * 86_400_000);
const at = { where: 'db:5432', ms: 3 };
const bad = { message: 'nothing listens there', remedy: 'start it' };
const facts: DatabaseFinding = {
  version: '15.8',
  vector: '0.8.0',
  isVectorAvailable: true,
  characterType: 'C.UTF-8',
  pending: [],
};
const expiry = (what: ExpiryKind, days: number | null, lifeDays = 3650): Finding => ({
  kind: 'expiry',
  what,
  name: what,
  notAfter: days === null ? null : inDays(days),
  notBefore: days === null ? null : inDays(days - lifeDays),
});
const database = (seen: Partial<DatabaseFinding>): Finding => ({
  kind: 'database',
  ...at,
  problem: null,
  facts: { ...facts, ...seen },
});

const peer = (over: Partial<PeerStanding> = {}): Finding => ({
  kind: 'peer',
  standing: {
    name: 'work',
    direction: 'outbound',
    state: 'active',
    circuit: 'closed',
    certificateNotAfter: inDays(20),
    failure: null,
    ...over,
  },
});

const healthy: readonly Finding[] = [
  { kind: 'configuration', tier: 'federated', file: 'mosaic.config.json', warnings: [] },
  database({}),
  { kind: 'kv', type: 'valkey', where: 'kv:6379', ms: 1, problem: null, isNeeded: false },
  { kind: 'authority', type: 'step-ca', where: 'ca:9000', ms: 9, problem: null },
  { kind: 'gateway', ...at, isRunning: true, problem: null, complaints: [] },
  { kind: 'folder', where: 'data', ms: null, problem: null, holder: 'process 7' },
  { kind: 'sealing-key', opens: true },
  { kind: 'front-configuration', where: 'nginx.conf', ms: null, problem: null },
  expiry('front', 20, 30),
  peer(),
];

describe('M1-5 the doctor’s judgement', () => {
  it('is green when all is well, with host, port and milliseconds of each service', () => {
    const { status, checks } = evaluate(healthy, NOW);
    expect([status, EXIT_OF[status]]).toEqual(['green', 0]);
    expect(checks.map(({ name }) => name)).toEqual([
      'configuration',
      'database',
      'vector',
      'schema',
      'key-value',
      'authority',
      'gateway',
      'data folder',
      'sealing key',
      'nginx',
      'front',
      'peer work (outbound)',
    ]);
    expect(checks[1]).toMatchObject({ message: 'Postgres 15.8', where: 'db:5432', ms: 3, remedy: null });
  });

  const cases: readonly (readonly [string, Finding, 'green' | 'yellow' | 'red', RegExp])[] = [
    ['a warning', { kind: 'configuration', tier: 'local', file: null, warnings: ['old.'] }, 'yellow', /old/],
    ['no database', { kind: 'database', ...at, problem: bad, facts: null }, 'red', /listens/],
    ['an embedded database', { kind: 'database', ...at, problem: null, facts: null }, 'green', /answers/],
    [
      'F-33 a character type that knows no letters beyond ASCII',
      database({ characterType: 'C' }),
      'yellow',
      /non-ASCII/,
    ],
    ['F-13 an older setup', { kind: 'outdated-setup' }, 'yellow', /superuser ran it/],
    [
      'F-73 a server that logs search words',
      { kind: 'parameter-logging', purpose: 'peers', settings: ['log_statement = all'] },
      'yellow',
      /search words.*log_statement = all/,
    ],
    ['no pgvector', database({ vector: null, isVectorAvailable: false }), 'red', /not installed/],
    ['pgvector not created', database({ vector: null }), 'yellow', /not created/],
    ['a fresh database', database({ pending: null }), 'yellow', /not there/],
    ['an old schema', database({ pending: ['0009_x'] }), 'yellow', /0009_x/],
    [
      'no key-value store',
      { kind: 'kv', type: 'valkey', ...at, problem: bad, isNeeded: false },
      'red',
      /listens/,
    ],
    ['no authority', { kind: 'authority', type: 'step-ca', ...at, problem: bad }, 'red', /listens/],
    [
      'no gateway',
      { kind: 'gateway', ...at, isRunning: false, problem: null, complaints: [] },
      'yellow',
      /not run/,
    ],
    [
      'a sick gateway',
      { kind: 'gateway', ...at, isRunning: true, problem: bad, complaints: [] },
      'red',
      /listens/,
    ],
    ['a bad folder', { kind: 'folder', ...at, problem: bad, holder: null }, 'red', /listens/],
    ['a free folder', { kind: 'folder', ...at, problem: null, holder: null }, 'green', /free/],
    ['a wrong key', { kind: 'sealing-key', opens: false }, 'red', /not open/],
    ['no canary yet', { kind: 'sealing-key', opens: null }, 'green', /nothing/],
    ['a degraded peer', peer({ state: 'degraded' }), 'yellow', /renewal.*failed/],
    ['a suspended peer', peer({ direction: 'inbound', state: 'suspended' }), 'green', /suspended/],
    ['F-52 a pending peer', peer({ state: 'pending', certificateNotAfter: null }), 'green', /pending/],
    ['F-52 a peer that ended its grant', peer({ state: 'revoked' }), 'yellow', /revoked/],
    ['F-52 an expired certificate', peer({ certificateNotAfter: inDays(-1) }), 'red', /expired/],
    ['F-52 another authority', peer({ failure: 'ca_pin_mismatch' }), 'red', /another certificate authority/],
    [
      'F-52 what the gateway itself complains of',
      {
        kind: 'gateway',
        ...at,
        isRunning: true,
        problem: null,
        complaints: [{ status: 'yellow', message: 'Look.', remedy: 'Do.' }],
      },
      'yellow',
      /Look/,
    ],
    ['a root for years', expiry('authority', 800), 'green', /800 days/],
    ['a root near its end', expiry('authority', 80), 'yellow', /80 days/],
    ['an expired root', expiry('authority', -2), 'red', /expired 2 days ago/],
    ['a short-lived front', expiry('front', 5, 30), 'yellow', /5 days/],
    ['a front of one day, half used', expiry('front', 0.5, 1), 'green', /12 hours/],
    ['no front yet', expiry('front', null), 'yellow', /none/],
    ['no list', expiry('list', null), 'red', /none/],
    ['a list of an hour', expiry('front-list', 0.02, 0.04), 'green', /28 minutes/],
    ['an expired list', expiry('front-list', -0.01, 0.04), 'red', /expired/],
    ['a list of the root near its end', expiry('root-list', 30), 'yellow', /30 days/],
    ['a peer’s certificate near its end', peer({ certificateNotAfter: inDays(1) }), 'yellow', /three days/],
  ];

  it.each(cases)('%s', (_name, finding, status, message) => {
    const { checks } = evaluate([finding], NOW);
    const worst = checks.find((check) => check.status !== 'green') ?? checks[0];
    expect([worst?.status, worst?.message]).toEqual([status, expect.stringMatching(message)]);
    if (status !== 'green') expect(worst?.remedy).toMatch(/\w+/);
  });

  it('is as bad as the worst part: 1 yellow, 2 red', () => {
    const yellow: Finding = { kind: 'sealing-key', opens: null };
    const soon = peer({ certificateNotAfter: inDays(1) });
    expect(EXIT_OF[evaluate([...healthy, soon, yellow], NOW).status]).toBe(1);
    const over = peer({ certificateNotAfter: inDays(-1) });
    expect(EXIT_OF[evaluate([...healthy, soon, over], NOW).status]).toBe(2);
  });

  it('F-52 a hung store or authority is as grave as the running gateway says, and red where one is to start', () => {
    const kv = (isNeeded: boolean): Finding => ({
      kind: 'kv',
      type: 'valkey',
      ...at,
      problem: bad,
      isNeeded,
    });
    const authority: Finding = { kind: 'authority', type: 'step-ca', ...at, problem: bad };
    const runs: Finding = { kind: 'gateway', ...at, isRunning: true, problem: null, complaints: [] };
    const light = (...findings: readonly Finding[]): string => evaluate(findings, NOW).status;
    expect(light(runs, kv(false))).toBe('yellow');
    expect(light(runs, authority)).toBe('yellow');
    expect(light(runs, kv(true))).toBe('red');
    expect(light(kv(false))).toBe('red');
    expect(light(authority)).toBe('red');
  });
});
