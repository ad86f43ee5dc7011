import { Agent } from 'node:https';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { dearChain } from '../../../../ca/testing/dear-chain.testkit.ts';
import {
  ask,
  codeOfAnswer,
  startFront,
  type ClientCertificate,
  type FrontUnderTest,
} from './front.testkit.ts';

const PATH = '/federation/v1/tasks';
/** Another address than that of whoever asks without saying from where. */
const ELSEWHERE = '127.0.0.66';
const HOSTILE = 40;
/** One or two dear handshakes at once, and hardly any afterwards. */
const SMALL = { handshakeBurstMs: 20, handshakeMsPerAddress: 1, handshakeMsTogether: 1 };
let under: FrontUnderTest | undefined;
const agents: Agent[] = [];

afterEach(async () => {
  for (const agent of agents.splice(0)) agent.destroy();
  under?.keeper.stop();
  await under?.front.stop(0);
  under = undefined;
});

const start = async (limits = {}): Promise<{ front: FrontUnderTest; mine: ClientCertificate }> => {
  under = await startFront(limits);
  return { front: under, mine: await under.clientCertificate() };
};

const keptAlive = (): Agent => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  agents.push(agent);
  return agent;
};

/** Strangers from somewhere, with as many dear certificates as a handshake may bring. */
const attack = async (front: FrontUnderTest, localAddress: string) => {
  const chain = await dearChain(4, 'rsa');
  const counts = { answered: 0, ended: 0 };
  const shakeHands = async (): Promise<void> => {
    const answer = await ask(front, PATH, { ...chain, localAddress }).catch(() => null);
    if (answer === null) counts.ended += 1;
    else if (codeOfAnswer(answer) === 'certificate_untrusted') counts.answered += 1;
  };
  const all = Array.from({ length: HOSTILE }, shakeHands);
  await expect.poll(() => counts.answered, { timeout: 10_000 }).toBeGreaterThan(0);
  return { counts, over: Promise.all(all) };
};

const connectionsOf = (front: FrontUnderTest): Promise<number> =>
  new Promise((resolve, reject) =>
    front.front.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  );

/** @returns what of so many octets a connection took until it took no more, or it ended */
const taken = (port: number, localAddress: string, octets: number): Promise<number> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress });
    const over = (): void => {
      resolve(socket.bytesWritten - socket.writableLength);
      socket.destroy();
    };
    socket.on('error', over).on('close', over);
    socket.setTimeout(500, over);
    socket.write(Buffer.alloc(octets, 1));
  });

describe('F-1 N-9 TLS front: handshakes of strangers that are dear', () => {
  it('wait for their share, and a peer’s do not', async () => {
    const { front, mine } = await start({ ...SMALL, handshakeTimeoutMs: 5_000 });
    expect((await ask(front, PATH, mine)).status).toBe(200);
    const { counts, over } = await attack(front, ELSEWHERE);
    for (let n = 0; n < 20; n += 1) expect((await ask(front, PATH, mine)).status).toBe(200);
    expect(counts.answered).toBeLessThan(8);
    // Nobody is waited for longer than a handshake may take.
    await over;
    expect(counts.answered + counts.ended).toBe(HOSTILE);
    expect(counts.answered).toBeLessThan(8);
    await expect.poll(() => connectionsOf(front)).toBe(0);
  });

  it('of a peer’s own address do not end the peer’s connections, and a new one comes in at last', async () => {
    const { front, mine } = await start();
    const agent = keptAlive();
    expect((await ask(front, PATH, { ...mine, agent })).status).toBe(200);
    const { counts, over } = await attack(front, '127.0.0.1');
    for (let n = 0; n < 20; n += 1) expect((await ask(front, PATH, { ...mine, agent })).status).toBe(200);
    expect((await ask(front, PATH, mine)).status).toBe(200);
    expect(counts.answered).toBeLessThan(HOSTILE);
    await front.front.stop(0);
    await over;
  });

  it('do not grow memory by what comes while they wait', async () => {
    const { front, mine } = await start({ ...SMALL, handshakeTimeoutMs: 60_000 });
    expect((await ask(front, PATH, mine)).status).toBe(200);
    const { over } = await attack(front, ELSEWHERE);
    // The handshake waits: what follows it stays with the kernel and the client.
    const sent = await taken(front.port, ELSEWHERE, 64 * 1024 * 1024);
    expect(sent).toBeLessThan(32 * 1024 * 1024);
    await front.front.stop(0);
    await over;
  });
});
