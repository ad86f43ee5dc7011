import { afterAll, beforeAll, expect, it } from 'vitest';
import type { KeyValue } from '../../domain/ports/basics.ts';
import { BRIDGE_TOKEN, startBridge, type RealBridge } from './bridge.testkit.ts';
import { keyValueContract } from './contract.testkit.ts';
import { createEncryptedKeyValue } from './encrypted.ts';
import { createUpstashKeyValue } from './upstash.ts';
import { openValkey, openValkeyCommands } from './valkey.ts';
import { keepingLog, ownPrefix, realPass, startValkey, type RealValkey } from './valkey.testkit.ts';

const log = keepingLog();
const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
const sealingKey = random.bytes(32);
let server: RealValkey;
let bridge: RealBridge;

beforeAll(async () => {
  server = await startValkey();
  bridge = await startBridge({ valkeyUrl: server.url, log });
});
afterAll(async () => {
  await bridge.close();
  await server.remove();
});

const over = (inner: KeyValue): Promise<KeyValue> =>
  createEncryptedKeyValue({ inner, sealingKey, clock: { now: () => new Date() }, random, log });
const tcp = (prefix = ownPrefix()): Promise<KeyValue> => openValkey({ url: server.url, prefix, log });
const rest = (prefix = ownPrefix()): KeyValue =>
  createUpstashKeyValue({ url: bridge.url, token: BRIDGE_TOKEN, prefix });

keyValueContract('encrypted over valkey', async () => ({ kv: await over(await tcp()), pass: realPass }));
keyValueContract('encrypted over upstash REST', async () => ({ kv: await over(rest()), pass: realPass }));

it('X-48 Valkey holds no plaintext, and a gateway on REST opens what one on TCP has sealed', async () => {
  const prefix = ownPrefix();
  const kv = await over(await tcp(prefix));
  await kv.set('k', new TextEncoder().encode('canary-row '.repeat(20)), 30);
  const commands = await openValkeyCommands({ url: server.url, log });
  const stored = new TextDecoder().decode((await commands.run(['GET', `${prefix}value:k`])) as Uint8Array);
  expect(stored + atob(stored)).not.toContain('canary');
  const other = await over(rest(prefix));
  expect(await other.get('k')).toEqual(await kv.get('k'));
  await Promise.all([kv.close(), commands.close()]);
});
