import { describe, expect, it } from 'vitest';
import { runWith, scripted } from '../testing/cli.testkit.ts';

const ID = '6f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21';
const LATER = '7f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21';
const finding = (kind: string) => ({
  kind,
  grant_id: ID,
  writer_id: ID,
  from_seq: 3,
  to_seq: 3,
  entry_id: null,
});
const part = (verdict: string, next_cursor: string | null, kinds: readonly string[] = []) => ({
  body: { verdict, chains: 2, entries: 10, unconfirmed: 1, findings: kinds.map(finding), next_cursor },
});
const VERIFY = ['federation', 'audit', 'verify', '--token', 'mos_t'];
const PATH = '/api/admin/audit/verify';

describe('audit verify', () => {
  it('goes through all parts, adds them up, and lets no later part hide what an earlier one found', async () => {
    const { fetch, seen } = scripted([
      part('tampered', ID, ['changed']),
      part('incomplete', LATER, ['dropped']),
      part('intact', null),
    ]);
    const { code, out, err } = await runWith([...VERIFY, '--json'], { fetch });
    expect(code).toBe(6);
    expect(err).toBe('');
    expect(seen.map(({ path }) => path)).toEqual([PATH, `${PATH}?cursor=${ID}`, `${PATH}?cursor=${LATER}`]);
    expect(JSON.parse(out)).toMatchObject({
      verdict: 'tampered',
      chains: 6,
      entries: 30,
      unconfirmed: 3,
      findings: [{ kind: 'changed' }, { kind: 'dropped' }],
      next_cursor: null,
    });
  });

  it('tells on standard error how far it is, and where to go on after a failure', async () => {
    const away = { status: 503, body: { code: 'unavailable', title: 'Away.', status: 503 } };
    const { fetch } = scripted([part('intact', ID), away]);
    const broken = await runWith(VERIFY, { fetch });
    expect(broken.code).toBe(1);
    expect(broken.out).toBe('');
    expect(broken.err).toContain('2 chains, 10 entries so far: intact');
    expect(broken.err).toContain(`--cursor ${ID}`);
    const again = scripted([part('intact', null)]);
    expect((await runWith([...VERIFY, '--cursor', ID], { fetch: again.fetch })).code).toBe(0);
    expect(again.seen.map(({ path }) => path)).toEqual([`${PATH}?cursor=${ID}`]);
  });

  it('asks for one grant in one request, and does not go round in a circle', async () => {
    const one = scripted([part('incomplete', null, ['dropped'])]);
    expect((await runWith([...VERIFY, '--grant', ID], { fetch: one.fetch })).code).toBe(0);
    expect(one.seen.map(({ path }) => path)).toEqual([`${PATH}?grant_id=${ID}`]);
    const circle = scripted([part('intact', ID), part('intact', ID)]);
    expect(await runWith(VERIFY, { fetch: circle.fetch })).toMatchObject({ code: 1 });
  });
});
