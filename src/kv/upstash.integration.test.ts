import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BRIDGE_TOKEN, startBridge, type RealBridge } from './bridge.testkit.ts';
import { keyValueContract } from './contract.testkit.ts';
import { createUpstashKeyValue } from './upstash.ts';
import { openValkey } from './valkey.ts';
import {
  everythingOf,
  keepingLog,
  ownPrefix,
  realPass,
  startValkey,
  untilWorks,
  type RealValkey,
} from './valkey.testkit.ts';

const log = keepingLog();
/** For what is not about time: hundreds of calls at once take long on a busy machine. */
const PATIENT_MS = 30_000;

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

keyValueContract('upstash REST through the bridge', async () => ({
  kv: createUpstashKeyValue({
    url: bridge.url,
    token: BRIDGE_TOKEN,
    prefix: ownPrefix(),
    timeoutMs: PATIENT_MS,
  }),
  pass: realPass,
}));

describe('upstash REST beside TCP, on one Valkey', () => {
  it('X-57 shares the bucket: 200 concurrent takes, half of them each way, pass exactly 60', async () => {
    const prefix = ownPrefix();
    const rest = createUpstashKeyValue({
      url: bridge.url,
      token: BRIDGE_TOKEN,
      prefix,
      timeoutMs: PATIENT_MS,
    });
    const tcp = await openValkey({ url: server.url, prefix, log, commandTimeoutMs: PATIENT_MS });
    const bucket = { capacity: 60, refillPerSecond: 1 / 60 };
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? rest : tcp).take('grant', bucket)),
    );
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(60);
    await tcp.close();
  });

  it('shares the values, whichever way they came', async () => {
    const prefix = ownPrefix();
    const rest = createUpstashKeyValue({
      url: bridge.url,
      token: BRIDGE_TOKEN,
      prefix,
      timeoutMs: PATIENT_MS,
    });
    const tcp = await openValkey({ url: server.url, prefix, log, commandTimeoutMs: PATIENT_MS });
    const all = Uint8Array.from({ length: 256 }, (_, index) => index);
    await rest.set('by rest', all, 10);
    await tcp.set('by tcp', all, 10);
    expect(await tcp.get('by rest')).toEqual(all);
    expect(await rest.get('by tcp')).toEqual(all);
    await tcp.close();
  });
});

/** A server that is not ours, to see what the client does and says. */
const withServer = async (handler: RequestListener, run: (url: string) => Promise<void>): Promise<void> => {
  const other = createServer(handler).listen(0, '127.0.0.1');
  await once(other, 'listening');
  try {
    await run(`http://127.0.0.1:${(other.address() as AddressInfo).port}`);
  } finally {
    other.close();
    other.closeAllConnections();
  }
};

const reasonOf = async (action: Promise<unknown>): Promise<string> => {
  const error: unknown = await action.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'unavailable', status: 503, detail: undefined });
  expect(everythingOf(error)).not.toContain('canary');
  const { cause } = error as Error;
  return cause instanceof Error ? cause.message : '';
};

describe('upstash REST: faults', () => {
  const value = new TextEncoder().encode('canary-value');
  const bucket = { capacity: 10, refillPerSecond: 0.01 };

  it('X-48 a wrong token is named as that, without any part of it', async () => {
    const kv = createUpstashKeyValue({ url: bridge.url, token: 'canary-wrong-token-0123456789abcdefgh' });
    expect(await reasonOf(kv.set('canary-key', value, 5))).toMatch(/refused the request; check its address/);
  });

  it('X-48 refuses an address with a user name, or that is none, without quoting it', () => {
    for (const url of ['canary', 'redis://h', 'https://u:canary@h']) {
      expect(() => createUpstashKeyValue({ url, token: BRIDGE_TOKEN })).toThrow(TypeError);
      expect(() => createUpstashKeyValue({ url, token: BRIDGE_TOKEN })).not.toThrow(/canary/);
    }
  });

  it('X-71 nobody answers, or not in time: bounded, and never asked twice', async () => {
    let asked = 0;
    const hang: RequestListener = () => void (asked += 1);
    await withServer(hang, async (url) => {
      const kv = createUpstashKeyValue({ url, token: BRIDGE_TOKEN, timeoutMs: 300 });
      const from = performance.now();
      expect(await reasonOf(kv.take('k', bucket))).toMatch(/no answer in time/);
      expect(performance.now() - from).toBeLessThan(1_000);
    });
    const kv = createUpstashKeyValue({ url: 'http://127.0.0.1:1', token: BRIDGE_TOKEN });
    expect(await reasonOf(kv.ping())).toMatch(/cannot be reached/);
    expect(asked).toBe(1);
  });

  it('X-71 a body that never ends is bounded too', async () => {
    const drip: RequestListener = (_, answer) => void answer.writeHead(200).write('{"result":');
    await withServer(drip, async (url) => {
      const kv = createUpstashKeyValue({ url, token: BRIDGE_TOKEN, timeoutMs: 300 });
      expect(await reasonOf(kv.get('k'))).toMatch(/no answer in time/);
    });
  });

  it('X-71 a connection that breaks after the command was sent: the command is not sent again', async () => {
    let asked = 0;
    const cut: RequestListener = (request) => {
      asked += 1;
      request.socket.destroy();
    };
    await withServer(cut, async (url) => {
      const kv = createUpstashKeyValue({ url, token: BRIDGE_TOKEN });
      expect(await reasonOf(kv.take('k', bucket))).toMatch(/cannot be reached/);
    });
    expect(asked).toBe(1);
  });

  it('answers that are not of the protocol', async () => {
    for (const body of ['<html>canary</html>', '{}', '{"result":["canary"]}', '{"error":"canary"}']) {
      await withServer(
        (_, answer) => void answer.end(body),
        async (url) => {
          const kv = createUpstashKeyValue({ url, token: BRIDGE_TOKEN });
          expect(await reasonOf(kv.take('k', bucket))).not.toBe('');
        },
      );
    }
  });

  it('sends no telemetry', async () => {
    let names: readonly string[] = [];
    const look: RequestListener = (request, answer) => {
      names = Object.keys(request.headers);
      answer.end('{"result":null}');
    };
    await withServer(look, async (url) => {
      await createUpstashKeyValue({ url, token: BRIDGE_TOKEN }).get('k');
    });
    expect(names.filter((name) => name.includes('telemetry'))).toEqual([]);
  });

  it('X-71 Valkey behind the bridge killed, hung and back: bounded, then healthy within 10 s', async () => {
    const own = await startValkey();
    const ownBridge = await startBridge({ valkeyUrl: own.url, log, commandTimeoutMs: 300 });
    const kv = createUpstashKeyValue({ url: ownBridge.url, token: BRIDGE_TOKEN });
    own.pause();
    const from = performance.now();
    expect(await reasonOf(kv.ping())).toMatch(/refused|reached|time/);
    expect(performance.now() - from).toBeLessThan(1_000);
    await own.kill();
    await reasonOf(kv.ping());
    await own.start();
    expect(await untilWorks(() => kv.ping(), 10_000)).toBeLessThan(10_000);
    await ownBridge.close();
    await own.remove();
  });

  it('refuses when it is closed', async () => {
    const kv = createUpstashKeyValue({ url: bridge.url, token: BRIDGE_TOKEN });
    await kv.close();
    expect(await reasonOf(kv.ping())).toMatch(/closed/);
  });
});
