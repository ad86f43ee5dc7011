import { describe, expect, it } from 'vitest';
import type { AuditEntry } from '../../domain/audit/entry.ts';
import { exportStream } from './audit-export.ts';

const entry = (resource: string): AuditEntry => ({
  id: '6f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21',
  at: new Date(0),
  grantId: null,
  peerId: null,
  subjectUserId: null,
  actorUserId: null,
  verb: 'list',
  resource,
  action: null,
  queryHash: null,
  outcome: 'allowed',
  reasonCode: null,
  status: 200,
  bytesOut: 1,
  latencyMs: -1.5,
  traceId: null,
  writerId: null,
  seq: null,
  head: null,
});

async function* pagesOf(...pages: readonly (readonly AuditEntry[])[]) {
  yield* pages;
}

const turn = () => Promise.resolve({ release: () => {} });

describe('exports of the audit log', () => {
  it('CSV: one header, RFC 4180 quoting, and no text that a spreadsheet would carry out', async () => {
    const nasty = ['=1+1', '+1', '-1', '@x', '\tx', '\rx', 'a,b', 'say "hi"', 'two\nlines', 'plain'];
    const text = await new Response(exportStream('csv', pagesOf(nasty.map(entry)), turn)).text();
    const [header, ...rest] = text.split('\r\n');
    expect(header).toMatch(/^id,at,grant_id,.*,head$/);
    const body = rest.join('\r\n');
    for (const shown of [
      `,'=1+1,`,
      `,'+1,`,
      `,'-1,`,
      `,'@x,`,
      `,'\tx,`,
      `"'\rx"`,
      '"a,b"',
      '"say ""hi"""',
      ',plain,',
    ])
      expect(body).toContain(shown);
    expect(body).toContain(',-1.5,');
  });

  it('reads page after page only as the reader asks, and stops when the reader leaves', async () => {
    let read = 0;
    let isLeft = false;
    async function* endless() {
      try {
        for (;;) {
          read += 1;
          yield [entry('tasks')];
        }
      } finally {
        isLeft = true;
      }
    }
    const reader = exportStream('ndjson', endless(), turn).getReader();
    const first = await reader.read();
    expect(JSON.parse(new TextDecoder().decode(first.value))).toMatchObject({ resource: 'tasks' });
    await reader.cancel();
    expect(read).toBeLessThan(4);
    expect(isLeft).toBe(true);
  });
});
