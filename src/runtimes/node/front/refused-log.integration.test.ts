import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditDraft } from '../../../../domain/audit/chain.ts';
import { createAuditChains } from '../../../audit/audit-chains.ts';
import { sha256 } from '../../../kernel/mac.ts';
import { createRefusedLog } from './refused-log.ts';

const line = (verify: string, more: object = {}): string =>
  `${JSON.stringify({
    time: '2026-11-22T21:35:38+00:00',
    server: '14012',
    method: 'GET',
    path: '/federation/v1/tasks',
    status: 401,
    bytes: 321,
    seconds: 0.002,
    upstream_seconds: '',
    client_verify: verify,
    client_serial: '',
    trace_id: '',
    ...more,
  })}\n`;

describe('what the front refused', () => {
  let folder: string;
  let file: string;
  let drafts: AuditDraft[];
  let warnings: number;
  let now: number;
  let repeated: (readonly [string, AuditDraft])[];
  beforeEach(() => {
    now = Date.now();
    folder = mkdtempSync(join(tmpdir(), 'mosaic-refused-'));
    file = join(folder, 'refused.log');
    drafts = [];
    repeated = [];
    warnings = 0;
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const reader = () => {
    const chains = createAuditChains({ writerId: crypto.randomUUID(), hash: sha256 });
    return createRefusedLog({
      file,
      folder,
      audit: {
        record: (draft) => {
          drafts.push(draft);
          return chains.link(draft);
        },
        recordRepeated: (kind, draft) => {
          repeated.push([kind, draft]);
          return null;
        },
      },
      clock: { now: () => new Date(now) },
      log: {
        debug: () => undefined,
        info: () => undefined,
        warn: () => void (warnings += 1),
        error: () => undefined,
      },
    });
  };

  it('becomes an entry each, once among replicas and across restarts, with its reason', () => {
    expect(reader().round()).toBe(0);
    writeFileSync(file, line('NONE') + line('FAILED:certificate revoked') + line('SUCCESS') + 'half');
    const replicas = [reader(), reader()];
    expect(replicas.map((one) => one.round())).toEqual([2, 0]);
    expect(drafts).toMatchObject([
      { reasonCode: 'certificate_required', status: 401, outcome: 'denied', grantId: null, bytesOut: 321 },
      { reasonCode: 'certificate_untrusted', latencyMs: 2, traceId: null },
    ]);
    appendFileSync(
      file,
      ` of a line\nnot json\n{"status":401}\n${line('NONE', { trace_id: 'a'.repeat(32) })}`,
    );
    expect(reader().round()).toBe(1);
    expect(drafts.at(-1)).toMatchObject({ traceId: 'a'.repeat(32) });
    // Of a configuration that an older version rendered.
    const older = (trace: string) => line('NONE', { trace_id: undefined, trace });
    appendFileSync(file, older('') + older(`00-${'c'.repeat(32)}-${'b'.repeat(16)}-01`));
    expect(reader().round()).toBe(2);
    expect(drafts.slice(-2).map(({ traceId }) => traceId)).toEqual([null, 'c'.repeat(32)]);
    expect(reader().round()).toBe(0);
  });

  it('goes on through a rotated and an emptied file', () => {
    const one = reader();
    writeFileSync(file, line('NONE'));
    expect(one.round()).toBe(1);
    appendFileSync(file, line('NONE'));
    renameSync(file, `${file}.1`);
    writeFileSync(file, line('NONE') + line('NONE'));
    expect(one.round()).toBe(3);
    truncateSync(file);
    one.round();
    appendFileSync(file, line('NONE'));
    expect(one.round()).toBe(1);
    expect(readdirSync(folder).filter((name) => name.startsWith('refused-log.'))).toHaveLength(1);
  });

  it('is bounded: a flood is told of, does not fill the log, and puts off nothing that comes after it', () => {
    const flooded = reader();
    writeFileSync(file, line('NONE').repeat(30_000));
    expect(flooded.round()).toBe(200);
    expect(warnings).toBe(1);
    now += 2_000;
    appendFileSync(file, line('FAILED:certificate revoked'));
    expect(flooded.round()).toBe(1);
    expect(drafts.at(-1)?.reasonCode).toBe('certificate_untrusted');
    // Whoever goes on and on gets ten entries a second.
    for (let round = 0; round < 10; round += 1) {
      now += 2_000;
      appendFileSync(file, line('NONE').repeat(500));
      flooded.round();
    }
    expect(drafts.length).toBe(200 + 11 * 20);
    writeFileSync(file, 'x'.repeat(600_000));
    const one = reader();
    for (let round = 0; round < 5; round += 1) expect(one.round()).toBe(0);
  });
});
