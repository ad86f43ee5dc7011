import { readFileSync } from 'node:fs';
import { Agent, fetch as undiciFetch } from 'undici';
import { readCsr } from '../../ca/x509/csr.ts';
import { makeKeyMaker } from '../../ca/x509/request.ts';
import { readProvisionerKey } from '../../ca/step-ca/provisioner-key.ts';
import { mintToken } from '../../ca/step-ca/token.ts';
import type { FederatedWorld } from '../tests/acceptance/federated-world.ts';
import { must } from '../tests/acceptance/world.ts';
import { authorityFiles } from '../devstack/stack/gateway.ts';
import { readSecret } from '../devstack/stack/plan.ts';
import { figure, type Figure, type SectionReport } from './figure.ts';
import { treeCpuMs } from './machine.ts';
import { median } from './measure.ts';
import type { Stage } from './stage.ts';

/** One address has 240 redemptions at once: each round comes from one of its own. */
const COUNT = 120;
/** Rounds that do not count: an engine that compiles is not what is measured, on either side. */
const WARM_UP = 3;
const PAIRS = 5;
const CONCURRENCY = 8;
const LEAF_MS = 3_600_000;

type Work = () => Promise<void>;

/** What shares the machine; the client is this process. */
const PARTS = ['step-ca', 'gateway-b', 'postgres-b', 'valkey-b', 'nginx-b'] as const;
type Cpu = Readonly<Record<(typeof PARTS)[number] | 'client', number>>;

const cpuOf = ({ world }: Stage): Cpu => {
  const { user, system } = process.cpuUsage();
  const parts = world.handle.state.components.flatMap(({ name, pid }) =>
    PARTS.some((part) => part === name) ? [[name, treeCpuMs(pid)] as const] : [],
  );
  return { ...Object.fromEntries(parts), client: (user + system) / 1_000 } as Cpu;
};

interface Raced {
  readonly perSecond: number;
  /** Milliseconds of CPU each. */
  readonly cpu: Cpu;
}

const total = (cpu: Cpu): number => Object.values(cpu).reduce((sum, ms) => sum + ms, 0);

const race = async (stage: Stage, work: readonly Work[]): Promise<Raced> => {
  const waiting = [...work];
  const before = cpuOf(stage);
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) await one();
    }),
  );
  const perSecond = work.length / ((performance.now() - begin) / 1_000);
  const after = cpuOf(stage);
  const cpu = Object.fromEntries(
    Object.entries(after).map(([part, ms]) => [part, (ms - before[part as keyof Cpu]) / work.length]),
  ) as Cpu;
  return { perSecond, cpu };
};

interface Sender {
  readonly post: Post;
  /** Opens all connections, so that no handshake is among what is measured. */
  readonly connect: (url: string) => Promise<void>;
  close(): Promise<void>;
}

/** Both sides are asked over as many connections, which stay open, from an address of their own. */
const makeSender = (rootPem: string, localAddress: string): Sender => {
  const dispatcher = new Agent({
    connect: { ca: rootPem },
    localAddress,
    connections: CONCURRENCY,
    allowH2: false,
  });
  const touch = async (url: string): Promise<void> =>
    void (await (await undiciFetch(url, { dispatcher })).text());
  return {
    connect: async (url) => void (await Promise.all(Array.from({ length: CONCURRENCY }, () => touch(url)))),
    post: async (url, body) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await undiciFetch(url, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
        dispatcher,
      });
      const text = await answer.text();
      if (answer.status !== 201) throw new Error(`${url} answered ${answer.status}: ${text.slice(0, 300)}`);
    },
    close: () => dispatcher.close(),
  };
};

type Post = (url: string, body: unknown) => Promise<void>;

const newRequest = async (): Promise<string> => (await makeKeyMaker().keyAndCsr()).csrPem;

/** Bare signing: requests and one-time tokens are ready, so that what is measured is the authority and its network alone. */
const prepareFloor = async (world: FederatedWorld, { post, connect }: Sender): Promise<readonly Work[]> => {
  const { state } = world.handle;
  const files = authorityFiles(state);
  const key = await readProvisionerKey(
    'mosaic-fed',
    readFileSync(files.clientKey, 'utf8'),
    readSecret(files.provisionerPassword),
  );
  const url = `https://127.0.0.1:${state.ports.stepCa}`;
  await connect(`${url}/health`);
  const own = { clock: { now: () => new Date() }, ids: { uuid: () => crypto.randomUUID() } };
  return Promise.all(
    Array.from({ length: COUNT }, async () => {
      const csr = await newRequest();
      const read = await readCsr(csr);
      if (!read.ok) throw new Error(read.error);
      const grantId = own.ids.uuid();
      const claims = { mosaic_grant_id: grantId, mosaic_subject_user_id: own.ids.uuid() };
      const token = { operation: 'sign', subject: grantId, sans: [], claims, csr: read.value.der } as const;
      const ott = await mintToken(url, key, token, own);
      const [notBefore, notAfter] = [Date.now() - 60_000, Date.now() + LEAF_MS].map(
        (at) => `${new Date(at).toISOString().slice(0, 19)}Z`,
      );
      return () => post(`${url}/1.0/sign`, { csr, ott, notBefore, notAfter });
    }),
  );
};

/** An address of the loopback network can be asked from others of it; a name might mean another network. */
const onLoopback = (url: string): string => url.replace('localhost', '127.0.0.1');

/** Enrollments through nginx and the gateway: grants, enrollment tokens and requests are ready. */
const prepareProduct = async (
  world: FederatedWorld,
  { post, connect }: Sender,
  round: number,
): Promise<readonly Work[]> => {
  const work: Work[] = [];
  await connect(`${onLoopback(world.work.publicUrl)}/health`);
  for (let index = 0; index < COUNT; index += 1) {
    const scope = { resources: ['tasks'], max_rows_per_query: 5 };
    const body = { user: 'enrolled', peer: `enrolled-${round}-${index}`, scope };
    const { enrollment } = await must(201, world.work, '/api/admin/grants', { body });
    const url = new URL(enrollment.url);
    const token = new URLSearchParams(url.hash.slice(1)).get('token');
    const csr = await newRequest();
    const redeem = `${onLoopback(url.origin)}${url.pathname}/redeem`;
    work.push(() => post(redeem, { token, csr }));
  }
  return work;
};

interface Pair {
  readonly floor: Raced;
  readonly product: Raced;
}

const cpuFigures = (side: string, raced: readonly Raced[]): readonly Figure[] =>
  [...PARTS, 'client' as const].flatMap((part) => {
    const ms = median(raced.map(({ cpu }) => cpu[part]));
    return ms < 0.01 ? [] : [figure(`${side}, CPU of ${part} (ms)`, ms)];
  });

const report = (pairs: readonly Pair[]): SectionReport => {
  const [floors, products] = [pairs.map(({ floor }) => floor), pairs.map(({ product }) => product)];
  const ratios = pairs.map(({ floor, product }) => product.perSecond / floor.perSecond);
  return {
    figures: [
      figure('enrollments per second ÷ bare signing', median(ratios), '≥ 0.80'),
      figure('enrollments per second', median(products.map(({ perSecond }) => perSecond))),
      figure('bare signings per second', median(floors.map(({ perSecond }) => perSecond))),
      // What the ratio is once the cores are what all of them wait for.
      figure(
        'CPU of a bare signing ÷ of an enrollment, all parts',
        median(pairs.map(({ floor, product }) => total(floor.cpu) / total(product.cpu))),
      ),
      ...cpuFigures('bare signing', floors),
      ...cpuFigures('enrollment', products),
    ],
  };
};

/** Alternately, on one stack and the same step-ca: `PAIRS` rounds of `COUNT` each, after some that do not count. */
export const measureEnrollments = async (
  stage: Stage,
  progress: (text: string) => void,
): Promise<SectionReport> => {
  const { world } = stage;
  await must(201, world.work, '/api/admin/users', { body: { name: 'enrolled' } });
  const pairs: Pair[] = [];
  for (let round = 0; round < WARM_UP + PAIRS; round += 1) {
    const senders = [1, 2].map((side) => makeSender(world.handle.rootPem, `127.0.${side}.${round + 1}`));
    const [forProduct, forFloor] = senders;
    if (forProduct === undefined || forFloor === undefined) throw new Error('no sender');
    try {
      const product = await prepareProduct(world, forProduct, round);
      const floor = await prepareFloor(world, forFloor);
      progress(`enrollments against bare signing, ${round + 1} of ${WARM_UP + PAIRS}`);
      const first = round % 2 === 0 ? await race(stage, product) : null;
      const floorRaced = await race(stage, floor);
      pairs.push({ floor: floorRaced, product: first ?? (await race(stage, product)) });
    } finally {
      await Promise.all(senders.map((sender) => sender.close()));
    }
  }
  return report(pairs.slice(WARM_UP));
};
