import {
  closeSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Clock, Log } from '../../../../domain/ports/basics.ts';
import { parseJson } from '../../../../domain/json.ts';
import { requestTraceId, traceIdOf } from '../../../../domain/telemetry/traceparent.ts';
import type { AuditSink } from '../../../app/deps.ts';
import { codeOf } from '../boot/errno.ts';
import { createRefusals, tellOfRefusals } from './refusals.ts';

export interface RefusedLogParts {
  /** Where the front writes a line for each request it refused (infra/nginx/nginx.conf.tpl). */
  readonly file: string;
  /** Where it is remembered how far the file was read; shared by the replicas that share the file. */
  readonly folder: string;
  readonly audit: Pick<AuditSink, 'record' | 'recordRepeated'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly everyMs?: number;
}

export interface RefusedLog {
  /** Reads what is new. @returns how many refusals became entries */
  round(): number;
  start(): void;
  stop(): void;
}

/** A line is one object of a few members, whatever a client made nginx write into them. */
const LINE_BOUNDS = { depth: 2, parts: 128 } as const;
const EVERY_MS = 2_000;
const CHUNK_BYTES = 256 * 1024;
/** More than a front can refuse in the meantime, so that a flood puts no refusal after it off until later. */
const CHUNKS_A_ROUND = 64;
const POSITION = /^refused-log\.(\d+)\.(\d+)$/;

interface Position {
  readonly inode: number;
  readonly offset: number;
}

interface Line {
  readonly time: string;
  readonly status: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly client_verify: string;
  readonly trace_id: string;
}

const nameOf = ({ inode, offset }: Position): string => `refused-log.${inode}.${offset}`;

const positionsIn = (folder: string): readonly Position[] =>
  readdirSync(folder).flatMap((name) => {
    const [, inode, offset] = POSITION.exec(name) ?? [];
    return inode === undefined ? [] : [{ inode: Number(inode), offset: Number(offset) }];
  });

const isRefusal = (value: unknown): value is Line => {
  if (typeof value !== 'object' || value === null) return false;
  const { time, status, bytes, seconds, client_verify: verify, trace_id } = value as Record<string, unknown>;
  const isNumbers = [status, bytes, seconds].every((number) => typeof number === 'number');
  return isNumbers && [time, verify, trace_id].every((text) => typeof text === 'string');
};

/** A configuration that an older version rendered writes the whole traceparent, or an empty text. */
const withTraceId = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null || !('trace' in value)) return value;
  return { ...value, trace_id: typeof value.trace === 'string' ? (traceIdOf(value.trace) ?? '') : null };
};

const parse = (line: string): Line | null => {
  const json = parseJson(line, LINE_BOUNDS);
  if (!json.ok) return null;
  const value = withTraceId(json.value);
  return isRefusal(value) && value.client_verify !== 'SUCCESS' ? value : null;
};

/**
 * What the front refused on its own, because the client's certificate does not verify, becomes entries of the audit log:
 * no handler of ours ever sees those requests. The file is read as it grows, by one of the replicas that share it: a
 * piece belongs to whoever renames the file that holds the position, so that none is read twice, and a crash loses
 * one piece at most.
 */
export const createRefusedLog = (parts: RefusedLogParts): RefusedLog => {
  const { file, folder, audit, clock, log } = parts;
  const note = createRefusals({ audit, clock });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;

  /** @returns false for one that is too many */
  const record = ({ time, bytes, seconds, client_verify: verify, trace_id: id }: Line): boolean => {
    const at = new Date(time);
    return note({
      at: Number.isNaN(at.getTime()) ? clock.now() : at,
      code: verify === 'NONE' ? 'certificate_required' : 'certificate_untrusted',
      bytesOut: Math.trunc(bytes),
      latencyMs: Math.round(seconds * 1_000),
      traceId: requestTraceId(undefined, id),
    });
  };

  const read = (from: string, offset: number): { readonly text: string; readonly length: number } => {
    const handle = openSync(from, 'r');
    try {
      const buffer = Buffer.alloc(CHUNK_BYTES);
      const length = readSync(handle, buffer, 0, CHUNK_BYTES, offset);
      const end = buffer.subarray(0, length).lastIndexOf(10) + 1;
      // A line longer than a piece is none of nginx's.
      const whole = end === 0 && length === CHUNK_BYTES ? length : end;
      return { text: buffer.toString('utf8', 0, whole), length: whole };
    } finally {
      closeSync(handle);
    }
  };

  /** Moves the position; false when another replica was faster. */
  const claim = (from: Position, to: Position): boolean => {
    try {
      renameSync(join(folder, nameOf(from)), join(folder, nameOf(to)));
      return true;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      throw error;
    }
  };

  /** Lines beyond the quota are not so much as parsed: whoever makes many of them gets little work of ours for it. */
  const auditLines = (text: string): { readonly entries: number; readonly beyond: number } => {
    const lines = text.split('\n').filter((line) => line !== '');
    let entries = 0;
    for (const [index, line] of lines.entries()) {
      const refusal = parse(line);
      if (refusal === null) continue;
      if (!record(refusal)) return { entries, beyond: lines.length - index };
      entries += 1;
    }
    return { entries, beyond: 0 };
  };

  const take = (from: string, position: Position): number => {
    let here = position;
    let entries = 0;
    let beyond = 0;
    for (let chunk = 0; chunk < CHUNKS_A_ROUND; chunk += 1) {
      const { text, length } = read(from, here.offset);
      const next = { ...here, offset: here.offset + length };
      if (length === 0 || !claim(here, next)) break;
      const found = auditLines(text);
      entries += found.entries;
      beyond += found.beyond;
      here = next;
    }
    if (beyond > 0) tellOfRefusals(log, beyond);
    return entries;
  };

  const inodeOf = (path: string): { readonly inode: number; readonly size: number } | null => {
    try {
      const { ino, size } = statSync(path);
      return { inode: ino, size };
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    }
  };

  const round = (): number => {
    const now = inodeOf(file);
    if (now === null) return 0;
    let taken = 0;
    const known = positionsIn(folder);
    for (const old of known.filter(({ inode }) => inode !== now.inode)) {
      // The file was rotated: what was written to it before is under its next name.
      const rotated = inodeOf(`${file}.1`);
      if (rotated?.inode === old.inode) taken += take(`${file}.1`, old);
      for (const { inode, offset } of positionsIn(folder))
        if (inode === old.inode) rmSync(join(folder, nameOf({ inode, offset })), { force: true });
    }
    const here = known.find(({ inode }) => inode === now.inode);
    if (here === undefined) {
      const begin = { inode: now.inode, offset: 0 };
      writeFileSync(join(folder, nameOf(begin)), '', { mode: 0o600 });
      // Another replica that shares the folder may have begun, and gone on, in the meantime.
      const others = positionsIn(folder).filter(({ inode, offset }) => inode === now.inode && offset > 0);
      if (others.length === 0) return taken + take(file, begin);
      rmSync(join(folder, nameOf(begin)), { force: true });
      return taken;
    }
    // Emptied in place.
    if (now.size < here.offset) return claim(here, { ...here, offset: 0 }) ? taken : 0;
    return taken + take(file, here);
  };

  const start = (): void => {
    if (isStopped) return;
    timer = setTimeout(() => {
      try {
        round();
      } catch (error) {
        log.warn('the front’s log of refusals was not read', { error: error as Error });
      }
      start();
    }, parts.everyMs ?? EVERY_MS);
    timer.unref();
  };

  return {
    round,
    start,
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
};
