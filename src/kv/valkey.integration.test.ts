import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { KeyValue } from '../../domain/ports/basics.ts';
import { CommandRefused } from './commands.ts';
import { keyValueContract } from './contract.testkit.ts';
import { openValkey, openValkeyCommands } from './valkey.ts';
import {
  keepingLog,
  ownPrefix,
  realPass,
  startValkey,
  untilWorks,
  type RealValkey,
} from './valkey.testkit.ts';

const log = keepingLog();
let server: RealValkey;

beforeAll(async () => {
  server = await startValkey();
});
afterAll(() => server.remove());

const open = (prefix = ownPrefix()): Promise<KeyValue> => openValkey({ url: server.url, prefix, log });

keyValueContract('valkey', async () => ({ kv: await open(), pass: realPass }));

describe('valkey: the token bucket', () => {
  it('X-57 is one for all replicas: 200 concurrent takes through two connections pass exactly 60', async () => {
    const prefix = ownPrefix();
    const [one, other] = await Promise.all([open(prefix), open(prefix)]);
    const bucket = { capacity: 60, refillPerSecond: 1 / 60 };
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? one : other).take('grant', bucket)),
    );
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(60);
    await Promise.all([one.close(), other.close()]);
  });

  it('takes of requests that come in together leave in one write', async () => {
    const kv = await open();
    const bucket = { capacity: 60, refillPerSecond: 1 };
    await kv.take('k', bucket);
    const alone = vi.spyOn(Socket.prototype, '_write');
    const together = vi.spyOn(Socket.prototype, '_writev');
    try {
      await Promise.all(Array.from({ length: 20 }, () => kv.take('k', bucket)));
      expect([alone.mock.calls.length, together.mock.calls.length]).toEqual([0, 1]);
    } finally {
      vi.restoreAllMocks();
    }
    await kv.close();
  });

  it('expires when it would be full again', async () => {
    const prefix = ownPrefix();
    const kv = await open(prefix);
    await kv.take('k', { capacity: 10, refillPerSecond: 0.5 });
    const commands = await openValkeyCommands({ url: server.url, log });
    const left = Number(await commands.run(['PTTL', `${prefix}bucket:k`]));
    expect(left).toBeGreaterThan(2_000);
    expect(left).toBeLessThanOrEqual(3_000);
    await Promise.all([kv.close(), commands.close()]);
  });

  it('is refilled when the server forgot it, and its script is sent again', async () => {
    const own = await startValkey();
    const kv = await openValkey({ url: own.url, log });
    const bucket = { capacity: 1, refillPerSecond: 0.001 };
    await kv.take('k', bucket);
    expect((await kv.take('k', bucket)).allowed).toBe(false);
    await own.kill();
    await own.start();
    await untilWorks(() => kv.ping(), 10_000);
    expect((await kv.take('k', bucket)).allowed).toBe(true);
    await kv.close();
    await own.remove();
  });
});

describe('valkey: with the rights and the configuration of infra/valkey', () => {
  it('can do nothing beside what the gateway needs', async () => {
    const commands = await openValkeyCommands({ url: server.url, log });
    const refused = [
      ['CONFIG', 'GET', 'save'],
      ['FLUSHALL'],
      ['KEYS', '*'],
      ['SCAN', '0'],
      ['SAVE'],
      ['BGSAVE'],
      ['BGREWRITEAOF'],
      ['ACL', 'LIST'],
      ['CLIENT', 'LIST'],
      ['MONITOR'],
      ['SUBSCRIBE', 'x'],
      ['REPLICAOF', 'localhost', '1'],
      ['SCRIPT', 'FLUSH'],
      ['FUNCTION', 'LIST'],
      ['MODULE', 'LIST'],
      ['GET', 'somebody-elses'],
      ['SHUTDOWN'],
    ];
    for (const command of refused) {
      const answer = await commands.run(command).catch((error: unknown) => error);
      expect({ command, code: answer instanceof CommandRefused && answer.code }).toEqual({
        command,
        code: 'NOPERM',
      });
    }
    await expect(commands.run(['DEBUG', 'SLEEP', '1'])).rejects.toThrow(/not allowed/);
    const script = ['EVAL', `return redis.call('FLUSHALL')`, '0'];
    await expect(commands.run(script)).rejects.toBeInstanceOf(CommandRefused);
    await commands.close();
  });

  it('writes nothing to the disk: no file during use, none at the end, and no value in its output', async () => {
    const own = await startValkey();
    const kv = await openValkey({ url: own.url, log });
    const canary = new TextEncoder().encode('canary-value-'.repeat(1_000));
    for (let index = 0; index < 500; index += 1) await kv.set(`canary-key-${index}`, canary, 60);
    await kv.take('canary-bucket', { capacity: 5, refillPerSecond: 1 });

    const descriptors = readdirSync(`/proc/${own.pid()}/fd`).flatMap((name) => {
      const path = join(`/proc/${own.pid()}/fd`, name);
      return statSync(path, { throwIfNoEntry: false })?.isFile() === true ? [readlinkSync(path)] : [];
    });
    expect(descriptors).toEqual([]);
    expect(readdirSync(own.folder)).toEqual([]);
    await own.terminate();
    expect(readdirSync(own.folder)).toEqual([]);
    expect(own.output()).not.toContain('canary');

    await own.start();
    await untilWorks(() => kv.ping(), 10_000);
    expect(await kv.get('canary-key-0')).toBeNull();
    await kv.close();
    await own.remove();
  });

  it('makes room by dropping what expires soonest, and keeps accepting', async () => {
    const own = await startValkey({ args: () => ['--maxmemory', '12mb'] });
    const kv = await openValkey({ url: own.url, log });
    const value = new Uint8Array(100_000);
    const bucket = { capacity: 60, refillPerSecond: 0.01 };
    await kv.take('long-lived', bucket);
    for (let index = 0; index < 200; index += 1) await kv.set(`k${index}`, value, 30);
    expect(await kv.get('k199')).not.toBeNull();
    expect((await kv.take('long-lived', bucket)).remaining).toBe(58);
    await kv.close();
    await own.remove();
  });
});
