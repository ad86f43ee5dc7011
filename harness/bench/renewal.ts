import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import {
  reconfigure,
  startNextAuthority,
  trustingBoth,
  type NextAuthority,
} from '../tests/acceptance/another-authority.ts';
import { bootFederatedWorld, type FederatedWorld } from '../tests/acceptance/federated-world.ts';
import { grantAndEnroll, seedPeople } from '../tests/acceptance/people.ts';
import { call, must, type WorldGateway } from '../tests/acceptance/world.ts';
import { materialOf } from '../devstack/stack/plan.ts';
import type { Side } from '../devstack/stack/state.ts';
import { figure, type SectionReport } from './figure.ts';

/** Issue 5: 10,000 requests during leaf renewal and root rollover on both sides, 0 failures. */
const REQUESTS = 10_000;
const AT_ONCE = 16;
const PATIENCE_MS = 60_000;
const SHOWN = 5;

interface Step {
  readonly name: string;
  readonly run: () => Promise<unknown>;
}

const until = async (what: string, isSo: () => Promise<boolean> | boolean): Promise<void> => {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await wait(100)) if (await isSo()) return;
  throw new Error(`waited in vain: ${what}`);
};

/** Requests go on until `REQUESTS` were answered and all steps are taken, which are spread over them evenly. */
const underLoad = async (ask: () => Promise<string | null>, steps: readonly Step[]) => {
  const failures: string[] = [];
  const seen = { done: 0, now: 'before the first step', areStepsTaken: false };
  const asking = async (): Promise<void> => {
    while (seen.done < REQUESTS || !seen.areStepsTaken) {
      const failure = await ask().catch((error: unknown) => String(error));
      seen.done += 1;
      if (failure !== null) failures.push(`${seen.now}: ${failure}`);
    }
  };
  const stepping = async (): Promise<void> => {
    try {
      for (const [index, step] of steps.entries()) {
        while (seen.done < (REQUESTS * (index + 1)) / (steps.length + 1)) await wait(20);
        seen.now = step.name;
        await step.run();
      }
    } finally {
      seen.areStepsTaken = true;
    }
  };
  const begin = performance.now();
  await Promise.all([stepping(), ...Array.from({ length: AT_ONCE }, asking)]);
  return { failures, done: seen.done, seconds: (performance.now() - begin) / 1000 };
};

/** As if its time had come: the keeper finds no certificate and makes another one, and nginx reads it. */
const renewFront = async ({ handle }: FederatedWorld, side: Side): Promise<void> => {
  const files = ['server.pem', 'server.key'].map((name) => path.join(materialOf(handle.state, side), name));
  for (const file of files) rmSync(file);
  await until('a new certificate of the front', () => files.every((file) => existsSync(file)));
};

const roll = async (gateways: readonly WorldGateway[], step: string): Promise<void> => {
  for (const gateway of gateways) {
    await until(`nobody to wait for before ${step}`, async () => {
      const body: unknown = (await call(gateway, '/api/admin/authority')).body;
      return (body as { readonly waiting_for: number }).waiting_for === 0 || step === 'announce';
    });
    await must(200, gateway, '/api/admin/authority/roll', { body: { step } });
  }
};

const measure = async (world: FederatedWorld, next: NextAuthority): Promise<SectionReport> => {
  const [home, work] = [trustingBoth(world.home, next), trustingBoth(world.work, next)];
  const { alice, ann } = await seedPeople({ ...world, home, work }, 'bench-');
  const scope = { resources: ['tasks'], max_rows_per_query: 100 };
  const input = { subject: alice, localUser: ann, peerName: 'work', scope };
  const { grantId, peerId } = await grantAndEnroll({ ...world, home, work }, input);
  await must(200, work, `/api/admin/grants/${grantId}`, {
    method: 'PATCH',
    body: { rate_limit_per_minute: 1_000_000, cache_ttl_seconds: 0 },
  });
  const ask = async (): Promise<string | null> => {
    const answer = await call(home, '/api/query/tasks?source=federated:work', { token: ann.token });
    const source = answer.body.sources?.['federated:work'];
    const isWhole = answer.status === 200 && source?.status === 'complete' && answer.body.items.length === 2;
    return isWhole ? null : `${answer.status} ${JSON.stringify(source ?? answer.body)}`;
  };
  const renew = () => must(200, home, `/api/admin/peers/${peerId}/renew`, { method: 'POST' });
  const both = [home, work];
  const steps: readonly Step[] = [
    { name: 'renewal of the leaf', run: renew },
    { name: 'renewal of the front at work', run: () => renewFront(world, 'b') },
    { name: 'renewal of the front at home', run: () => renewFront(world, 'a') },
    { name: 'announce on both sides', run: () => roll(both, 'announce') },
    { name: 'renewal after announce', run: renew },
    { name: 'switch on both sides', run: () => roll(both, 'switch') },
    { name: 'renewal after switch', run: renew },
    {
      name: 'retire on both sides',
      run: async () => {
        // The overlap of ten minutes, cut short.
        await work.sql(`update issued_certificates set revoke_at = now() where revoke_at is not null`);
        await roll(both, 'retire');
      },
    },
    { name: 'renewal after retire', run: renew },
    { name: 'renewal of the front after retire', run: () => renewFront(world, 'b') },
  ];
  const { failures, done, seconds } = await underLoad(ask, steps);
  for (const failure of failures.slice(0, SHOWN)) process.stderr.write(`bench: failed: ${failure}\n`);
  return {
    figures: [
      figure('requests during renewal and root rollover on both sides', done, `≥ ${REQUESTS}`),
      figure('failed requests among them', failures.length, '0'),
      figure('steps among them (leaf 4, fronts 3, root 3 on each side)', steps.length),
      figure('requests per second meanwhile', done / seconds),
    ],
  };
};

/** A stack of its own: its authorities are not those it began with in the end. */
export const measureRenewal = async (progress: (text: string) => void): Promise<SectionReport> => {
  progress('booting a stack for renewal and rollover');
  const world = await bootFederatedWorld({ replicasOfB: 2 });
  try {
    const next = await startNextAuthority(world);
    try {
      for (const side of ['a', 'b'] as const) await reconfigure(world, side, next.asNext);
      progress('renewal and rollover');
      return await measure(world, next);
    } finally {
      await next.close();
    }
  } finally {
    await world.close();
  }
};
