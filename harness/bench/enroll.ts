import { readFileSync } from 'node:fs';
import { Agent, fetch as undiciFetch } from 'undici';
import { readCsr } from '../../ca/x509/csr.ts';
import { makeKeyMaker } from '../../ca/x509/request.ts';
import { readProvisionerKey } from '../../ca/step-ca/provisioner-key.ts';
import { mintToken } from '../../ca/step-ca/token.ts';
import type { FederatedWorld } from '../acceptance/federated-world.ts';
import { must } from '../acceptance/world.ts';
import { authorityFiles } from '../stack/gateway.ts';
import { readSecret } from '../stack/plan.ts';
import { figure, type SectionReport } from './figure.ts';
import { median } from './measure.ts';
import type { Stage } from './stage.ts';

/** Below the 240 redemptions that one address has at once, the warm-up included. */
const COUNT = 36;
const PAIRS = 5;
const CONCURRENCY = 8;
const LEAF_MS = 3_600_000;

type Work = () => Promise<void>;

/** @returns how many a second */
const race = async (work: readonly Work[]): Promise<number> => {
  const waiting = [...work];
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) await one();
    }),
  );
  return work.length / ((performance.now() - begin) / 1_000);
};

const makeSender = (rootPem: string): { readonly post: Post; close(): Promise<void> } => {
  const dispatcher = new Agent({ connect: { ca: rootPem }, connections: CONCURRENCY, allowH2: false });
  return {
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
const prepareFloor = async (world: FederatedWorld, post: Post): Promise<readonly Work[]> => {
  const { state } = world.handle;
  const files = authorityFiles(state);
  const key = await readProvisionerKey(
    'mosaic-fed',
    readFileSync(files.clientKey, 'utf8'),
    readSecret(files.provisionerPassword),
  );
  const url = `https://127.0.0.1:${state.ports.stepCa}`;
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

/** Enrollments through nginx and the gateway: grants, enrollment tokens and requests are ready. */
const prepareProduct = async (world: FederatedWorld, post: Post, round: number): Promise<readonly Work[]> => {
  const work: Work[] = [];
  for (let index = 0; index < COUNT; index += 1) {
    const scope = { resources: ['tasks'], max_rows_per_query: 5 };
    const body = { user: 'enrolled', peer: `enrolled-${round}-${index}`, scope };
    const { enrollment } = await must(201, world.work, '/api/admin/grants', { body });
    const url = new URL(enrollment.url);
    const token = new URLSearchParams(url.hash.slice(1)).get('token');
    const csr = await newRequest();
    work.push(() => post(`${url.origin}${url.pathname}/redeem`, { token, csr }));
  }
  return work;
};

/** Alternately, on one stack and the same step-ca: `PAIRS` rounds of `COUNT`, and one that does not count. */
export const measureEnrollments = async (
  { world }: Stage,
  progress: (text: string) => void,
): Promise<SectionReport> => {
  const sender = makeSender(world.handle.rootPem);
  try {
    await must(201, world.work, '/api/admin/users', { body: { name: 'enrolled' } });
    const pairs: { readonly floor: number; readonly product: number }[] = [];
    for (let round = 0; round <= PAIRS; round += 1) {
      const product = await prepareProduct(world, sender.post, round);
      const floor = await prepareFloor(world, sender.post);
      progress(`enrollments against bare signing, ${round} of ${PAIRS}`);
      const productFirst = round % 2 === 0 ? await race(product) : 0;
      const floorRate = await race(floor);
      pairs.push({ floor: floorRate, product: productFirst === 0 ? await race(product) : productFirst });
    }
    const counted = pairs.slice(1);
    return {
      figures: [
        figure(
          'enrollments per second ÷ bare signing',
          median(counted.map(({ floor, product }) => product / floor)),
          '≥ 0.80',
        ),
        figure('enrollments per second', median(counted.map(({ product }) => product))),
      ],
    };
  } finally {
    await sender.close();
  }
};
