import { describe, expect, it } from 'vitest';
import { renderAudit } from './audit.ts';
import { renderNewToken, renderTokens, renderUsers, tokenState } from './directory.ts';

const now = new Date('2026-11-22T12:00:00.000Z');
const token = {
  id: 't',
  user_id: 'u',
  name: 'laptop',
  access: 'read',
  created_at: now.toISOString(),
  expires_at: null,
  revoked_at: null,
};

describe('tokens', () => {
  it.each([
    [{}, 'usable'],
    [{ expires_at: '2026-11-22T12:00:00.001Z' }, 'usable'],
    [{ expires_at: '2026-11-22T12:00:00.000Z' }, 'expired'],
    [{ revoked_at: '2026-11-22T11:00:00.000Z' }, 'revoked'],
    [{ revoked_at: '2026-11-22T11:00:00.000Z', expires_at: '2026-11-21T00:00:00.000Z' }, 'revoked'],
  ])('%j is %s', (over, expected) => {
    expect(tokenState({ ...token, ...over }, now)).toBe(expected);
    expect(renderTokens([{ ...token, ...over }], now)).toContain(`  ${expected} `);
  });

  it('shows a new token once, or only where it was saved', () => {
    expect(renderNewToken('mos_secret', undefined)).toContain('mos_secret\n');
    expect(renderNewToken('mos_secret', 'a.token')).not.toContain('mos_secret');
  });
});

it('lists users', () => {
  const users = [{ id: 'u', name: 'alice', is_admin: true, created_at: now.toISOString() }];
  expect(renderUsers(users)).toBe('ID  NAME   ADMIN  CREATED\nu   alice  yes    2026-11-22 12:00:00Z\n');
});

it('lists the audit log with the reason of a refusal', () => {
  const entry = {
    id: 'a',
    at: now.toISOString(),
    verb: 'list',
    resource: 'tasks',
    action: null,
    outcome: 'denied',
    reason_code: 'grant_revoked',
    status: 403,
    grant_id: 'g',
    subject_user_id: null,
    bytes_out: 0,
    latency_ms: 2,
  };
  const [, first, second] = renderAudit([
    entry,
    { ...entry, verb: 'admin', action: 'grant.create', outcome: 'allowed', reason_code: null },
  ]).split('\n');
  expect(first).toMatch(/list tasks +denied \(grant_revoked\) +403 +g +- +0 +2$/);
  expect(second).toMatch(/admin grant\.create +allowed +403/);
});
