import { describe, expect, it } from 'vitest';
import { GRANT_STATUSES } from '../../../domain/grants/grant.ts';
import { grantAnswer, type GrantAnswer } from '../client/answers.ts';
import { scripted, runWith } from '../testing/cli.testkit.ts';
import { renderEnrollment, renderGrant, renderGrants, summarizeScope } from './grants.ts';

const now = new Date('2026-11-22T12:00:00.000Z');
const ID = '6f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21';
const SUBJECT = '0d7c8e0a-54a1-4f4f-9f6c-3b6f0d9a7e11';
const TEAM = '11111111-2222-4333-8444-555555555555';

const grant = (over: Partial<GrantAnswer> = {}): GrantAnswer => ({
  id: ID,
  peer: { id: '9a9a9a9a-0000-4000-8000-000000000000', name: 'home' },
  subject_user_id: SUBJECT,
  scope: {
    resources: ['tasks', 'notes'],
    excluded_resources: [],
    filters: { tasks: { include_teams: [TEAM], include_personal: true } },
    max_rows_per_query: 200,
  },
  status: 'active',
  version: 3,
  rate_limit_per_minute: null,
  audit_strict: false,
  created_at: '2026-11-01T08:00:00.000Z',
  activated_at: '2026-11-01T08:05:00.000Z',
  expires_at: null,
  revoked_at: null,
  revoked_reason: null,
  ...over,
});

const row = (over: Partial<GrantAnswer>): string => renderGrants([grant(over)], now).split('\n')[1] ?? '';

describe('grant list', () => {
  it.each(GRANT_STATUSES)('M2-8 renders the status %s', (status) => {
    expect(row({ status })).toMatch(new RegExp(` ${status} `));
    for (const other of GRANT_STATUSES) {
      if (other !== status) expect(row({ status })).not.toMatch(new RegExp(` ${other} `));
    }
  });

  it('M2-8 tells when a grant ends or ended', () => {
    expect(row({ expires_at: '2026-12-22T12:00:00.000Z' })).toMatch(
      / active .*2026-12-22 12:00:00Z \(in 30 d\)$/,
    );
    expect(row({ status: 'expired', expires_at: '2026-11-22T11:00:00.000Z' })).toMatch(
      / expired .*\(1 h ago\)$/,
    );
    expect(row({})).toMatch(/ never$/);
  });

  it('M2-8 keeps a grant whose peer was removed', () => {
    expect(row({ peer: { id: 'x', name: null } })).toContain(' (removed) ');
  });

  it('M2-8 a revoked grant stays revoked after its end, and says when', () => {
    const over = {
      status: 'revoked',
      expires_at: '2026-11-20T00:00:00.000Z',
      revoked_at: '2026-11-19T00:00:00.000Z',
    };
    expect(row(over)).toMatch(/ revoked .* revoked 2026-11-19 00:00:00Z$/);
  });

  it('M2-8 shows a status of a later version as it is', () => {
    expect(row({ status: 'paused' })).toContain(' paused ');
  });

  it('M2-8 as JSON: every state, as the table has it, with all the gateway answered', async () => {
    const items = GRANT_STATUSES.map((status) => grant({ status }));
    const { fetch } = scripted([{ body: { items: items, next_cursor: null } }]);
    const { code, out } = await runWith(['federation', 'grant', 'list', '--json'], { fetch, now });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ items, next_cursor: null });
  });

  it('says so when there are none', () => expect(renderGrants([], now)).toBe('There are no grants.\n'));

  it('X-77 shows control characters of a peer’s name as text', () => {
    const text = renderGrants([grant({ peer: { id: 'x', name: 'ho\u001b[2Jme\nfake' } })], now);
    expect(text).toContain('ho\\u001b[2Jme\\u000afake');
    expect(text.split('\n')).toHaveLength(3);
  });
});

describe('scope summary', () => {
  const base = { resources: ['tasks'], max_rows_per_query: 5 };

  it.each([
    [base, 'tasks (personal)'],
    [{ ...base, filters: { tasks: { include_teams: [TEAM] } } }, 'tasks (personal, 1 team)'],
    [{ ...base, filters: { tasks: { include_personal: false } } }, 'tasks (no rows)'],
    [{ ...base, resources: ['tasks', 'credentials'] }, 'tasks (personal), credentials (personal, SENSITIVE)'],
    [
      { ...base, resources: ['tasks', 'credentials'], excluded_resources: ['credentials'] },
      'tasks (personal)',
    ],
    [{ ...base, excluded_resources: ['tasks'] }, 'nothing'],
    ['not a scope', 'nothing'],
  ])('tells what %j really lets through', (scope, expected) => expect(summarizeScope(scope)).toBe(expected));
});

describe('grant show', () => {
  it('M2-8 shows one grant in full', () => {
    const text = renderGrant(
      grant({
        status: 'revoked',
        revoked_at: '2026-11-19T00:00:00.000Z',
        revoked_reason: 'left',
        rate_limit_per_minute: 7,
        cache_ttl_seconds: 0,
      }),
      now,
    );
    for (const part of [
      ID,
      SUBJECT,
      'home (9a9a',
      'tasks (personal, 1 team), notes (personal)',
      '"max_rows_per_query": 200',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).toMatch(/^cached at the peer +never$/m);
    expect(text).toMatch(/^status +revoked$/m);
    expect(text).toMatch(/^reason +left$/m);
    expect(text).toMatch(/^requests a minute +7$/m);
  });

  it('prints the enrollment URL whole, with the line for the other side', () => {
    const url = `https://work.example:8443/enrollment/v1#token=${'t'.repeat(43)}&ca=sha256:${'a'.repeat(64)}`;
    const text = renderEnrollment(
      { url, expires_at: '2026-11-22T12:15:00.000Z', ca_fingerprint: 'sha256:aa' },
      now,
    );
    expect(text).toContain(`  ${url}\n`);
    expect(text).toContain(`mosaic federation peer add '${url}' --user`);
    expect(text).toContain('in 15 min');
  });

  it('the fixture is what the API answers', () => expect(grantAnswer.parse(grant())).toEqual(grant()));
});
