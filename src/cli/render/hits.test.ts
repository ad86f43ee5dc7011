import { describe, expect, it } from 'vitest';
import { runWith, scripted } from '../testing/cli.testkit.ts';
import { renderHits } from './hits.ts';

const hit = (over: Record<string, unknown> = {}) => ({
  id: '6f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21',
  created_at: '2026-11-22T12:00:00.000Z',
  title: 'The wombat',
  body: `${'far away '.repeat(9)}the wombat\nsleeps`,
  _source: 'federated:work',
  _resource: 'tasks',
  _rank: 0.60792714,
  _highlights: { title: [[4, 10]], body: [[85, 91]] },
  ...over,
});

describe('hits', () => {
  it('show source, rank, and the words found in brackets with what stands around them', () => {
    const text = renderHits([hit()]);
    expect(text).toMatch(/federated:work\s+tasks\s+0\.608\s+The \[wombat\]\s+…[a-z ]+ the \[wombat\] sleeps/);
    expect(renderHits([])).toContain('There are no hits.');
  });

  it('show a peer’s text as text, whatever it holds and whatever its ranges say', () => {
    const text = renderHits([
      hit({
        title: '\u001b[31mred\u202e',
        _highlights: { title: [[-5, 2], [4, 900], [3, 3], [2]], body: [[900, 901]], nowhere: [[0, 1]] },
      }),
    ]);
    expect(text).not.toContain('\u001b');
    expect(text).not.toContain('\u202e');
    expect(text).toContain('red');
  });
});

describe('mosaic search', () => {
  const page = (items: readonly unknown[], next_cursor: string | null = null) => ({
    body: {
      items,
      next_cursor,
      sources: { local: { status: 'complete', count: items.length, latency_ms: 1 } },
      notices: [],
    },
  });

  it('asks page by page for the words as they were typed', async () => {
    const { fetch, seen } = scripted([page([hit()], 'c1'), page([hit()])]);
    const { code, out } = await runWith(
      [
        'search',
        'two',
        '"quoted words"',
        '--resources',
        'tasks,notes',
        '--source',
        'local',
        '--all',
        '--json',
      ],
      { fetch },
    );
    expect(code).toBe(0);
    expect(seen.map(({ path }) => new URLSearchParams(path.split('?')[1]).get('q'))).toEqual([
      'two "quoted words"',
      'two "quoted words"',
    ]);
    expect(seen[0]?.path).toMatch(/^\/api\/query\/search\?.*resources=tasks%2Cnotes/);
    expect(JSON.parse(out)).toMatchObject({
      items: [{ _rank: 0.60792714 }, {}],
      sources: { local: { count: 2 } },
    });
  });

  it('refuses what is too long before it is sent', async () => {
    const { fetch, seen } = scripted([]);
    expect(await runWith(['search', 'x'.repeat(1_001)], { fetch })).toMatchObject({ code: 2 });
    expect(seen).toEqual([]);
  });
});
