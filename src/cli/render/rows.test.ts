import { describe, expect, it } from 'vitest';
import { RESOURCES } from '../../../domain/resources.ts';
import { renderBlend, renderRow, renderRows, renderSources } from './rows.ts';

const task = {
  id: '3d3bd0f5-93a1-4d1e-8f3e-0b9b6f1a2c3d',
  title: 'Write the report',
  body: 'long text',
  status: 'open',
  due_at: '2026-12-01T00:00:00.000Z',
  owner_id: null,
  team_id: null,
  created_at: '2026-11-22T12:00:00.000Z',
};

describe('rows', () => {
  it('shows short fields, leaves long texts out, and tells whose a row is', () => {
    const text = renderRows('tasks', [task, { ...task, team_id: 'T1' }]);
    expect(text.split('\n')[0]).toBe(
      'ID                                    TITLE             STATUS  DUE AT                BELONGS TO  CREATED',
    );
    expect(text).toContain('personal    2026-11-22 12:00:00Z');
    expect(text).toContain('team T1');
    expect(text).not.toContain('long text');
  });

  it.each(RESOURCES)('has columns for %s', (resource) => {
    expect(renderRows(resource, [task])).toMatch(/^ID +TITLE/);
    expect(renderRows(resource, [])).toBe(`There are no ${resource}.\n`);
  });

  it('shows one row in full, over several lines where it has them', () => {
    expect(renderRow({ ...task, body: 'one\ntwo\u001b[0m' })).toMatch(/^body +one\n +two\\u001b\[0m$/m);
  });

  it('X-77 a row of a peer can not move the cursor or forge another row', () => {
    const text = renderBlend('tasks', [
      { ...task, title: 'a\n\u001b[1Alocal  forged', _source: 'federated:w\u202eork' },
    ]);
    expect(text.split('\n')).toHaveLength(3);
    expect(text).toContain('a\\u000a\\u001b[1Alocal  forged');
    expect(text).toContain('federated:w\\u202eork');
  });

  it('tells how each source did', () => {
    const text = renderSources({
      local: { status: 'complete', count: 3, latency_ms: 1.6 },
      'federated:work': {
        status: 'unreachable',
        count: 0,
        latency_ms: 5000,
        code: 'peer_timeout',
        message: 'too late',
      },
    });
    expect(text).toMatch(/^local +complete +3 +2 ms$/m);
    expect(text).toMatch(/^federated:work +unreachable +0 +5000 ms +peer_timeout: too late$/m);
  });
});
