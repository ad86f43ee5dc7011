import { readFile } from 'node:fs/promises';
import { bootFederatedWorld } from '../acceptance/federated-world.ts';
import { enrollByHand, type HandMadeClient } from '../acceptance/hand-made-client.ts';
import { must, type Reachable } from '../acceptance/world.ts';
import { bootTwoProcesses } from '../../devstack/gateways.ts';
import type { Front, PeerKind, Victim } from './attacks.ts';
import type { Material } from './floods.ts';
import { controlText } from './material.ts';
import { startHostilePeer, type HostilePeer } from './peer-process.ts';

/** One gateway that is attacked, and a good peer of it. */
export interface Attacked {
  readonly gateway: Reachable;
  readonly pid: number;
  readonly victim: Victim;
  readonly good: { readonly ca: string } & Material;
}

export interface Battlefield {
  readonly front: Front;
  readonly home: Attacked;
  readonly work: Attacked;
  readonly hostile: HostilePeer;
  close(): Promise<void>;
}

interface Two {
  readonly home: Reachable & { readonly pid: number };
  readonly work: Reachable & { readonly pid: number };
  close(): Promise<void>;
}

const NO_LIMIT = 1_000_000;
const GOOD_ROWS = 60;
/** Longer together than one answer may be. */
const NOTES = 40;
const NOTE_CHARACTERS = 99_000;
const ENVIRONMENT = { FEDERATION_CRL_POLL_SECONDS: '1' };

const behindNginx = async (): Promise<Two> => {
  const world = await bootFederatedWorld();
  const pidOf = (name: string): number =>
    world.handle.state.components.find((one) => one.name === name)?.pid ?? 0;
  return {
    home: { ...world.home, pid: pidOf('gateway-a') },
    work: { ...world.work, pid: pidOf('gateway-b') },
    close: () => world.close(),
  };
};

const onOwnFront = (): Promise<Two> => bootTwoProcesses(ENVIRONMENT);

const person = async (gateway: Reachable, name: string) => {
  const user = await must(201, gateway, '/api/admin/users', { body: { name } });
  const token = await must(201, gateway, '/api/admin/tokens', {
    body: { user_id: user.id, name: 'harness' },
  });
  return { name, token: token.text };
};

const materialOf = async (hand: HandMadeClient): Promise<Material & { readonly ca: string }> => {
  const [ca, cert, key] = await Promise.all(
    [hand.caFile, hand.certFile, hand.keyFile].map((file) => readFile(file, 'utf8')),
  );
  await hand.remove();
  return { ca: ca ?? '', cert: cert ?? '', key: key ?? '' };
};

const enrolled = async (
  gateway: Reachable,
  user: string,
  peer: string,
  perMinute: number,
  resource = 'tasks',
) => {
  const scope = { resources: [resource], max_rows_per_query: 10_000 };
  const hand = await enrollByHand(gateway, { user, peer, scope });
  await must(200, gateway, `/api/admin/grants/${hand.grantId}`, {
    method: 'PATCH',
    body: { rate_limit_per_minute: perMinute },
  });
  return materialOf(hand);
};

const addRows = async (
  gateway: Reachable,
  token: string,
  resource: string,
  rows: readonly object[],
): Promise<void> => {
  for (const body of rows) await must(201, gateway, `/api/resources/${resource}`, { token, body });
};

const tasks = Array.from({ length: GOOD_ROWS }, (_, n) => ({ title: `task ${n}` }));
const notes = Array.from({ length: NOTES }, (_, n) => ({
  title: `note ${n}`,
  body: controlText(NOTE_CHARACTERS),
}));

const suspend = async (gateway: Reachable, name: string): Promise<void> => {
  const { items } = await must(200, gateway, '/api/admin/peers?direction=inbound&limit=100');
  const peer = items.find((one) => (one as unknown as { readonly name: string }).name === name);
  await must(200, gateway, `/api/admin/peers/${peer?.id}/suspend`, { body: {} });
};

/** People, grants and certificates at work, and the hostile peer at home: by the API alone, as anybody would. */
const prepare = async (front: Front, { home, work, close }: Two): Promise<Battlefield> => {
  const [good, crowd, greedy] = [
    await person(work, 'good'),
    await person(work, 'crowd'),
    await person(work, 'greedy'),
  ];
  for (const { token } of [good, crowd]) await addRows(work, token, 'tasks', tasks);
  await addRows(work, greedy.token, 'notes', notes);
  const peers: Partial<Record<PeerKind, Material>> = {
    greedy: await enrolled(work, 'greedy', 'greedy', 60, 'notes'),
    beyond: await enrolled(work, 'greedy', 'beyond', 60),
    suspended: await enrolled(work, 'greedy', 'suspended', 60),
    many: await enrolled(work, 'crowd', 'many', NO_LIMIT),
  };
  await suspend(work, 'suspended');
  const [host, ann] = [await person(home, 'good'), await person(home, 'ann')];
  await addRows(home, host.token, 'tasks', tasks);
  const created = await must(201, work, '/api/admin/grants', {
    body: {
      user: 'good',
      peer: 'home',
      scope: { resources: ['tasks'], max_rows_per_query: 100 },
      rate_limit_per_minute: NO_LIMIT,
    },
  });
  const add = (name: string, enrollmentUrl: string) =>
    must(201, home, '/api/admin/peers', { body: { enrollment_url: enrollmentUrl, user: 'ann', name } });
  await add('work', created.enrollment.url);
  const hostile = await startHostilePeer();
  await add('hostile', hostile.enrollmentUrl);
  const victimOf = ({ publicUrl, federationUrl }: Reachable): Victim => ({
    publicUrl,
    federationUrl,
    peers,
    token: ann.token,
  });
  return {
    front,
    hostile,
    work: {
      gateway: work,
      pid: work.pid,
      victim: victimOf(work),
      good: await enrolled(work, 'good', 'good', NO_LIMIT),
    },
    home: {
      gateway: home,
      pid: home.pid,
      victim: victimOf(home),
      good: await enrolled(home, 'good', 'good', NO_LIMIT),
    },
    close: async () => {
      await hostile.close();
      await close();
    },
  };
};

/** Two real gateways with somebody good and somebody hostile at each. */
export const openBattlefield = async (front: Front): Promise<Battlefield> => {
  const two = await (front === 'nginx' ? behindNginx() : onOwnFront());
  try {
    return await prepare(front, two);
  } catch (error) {
    await two.close();
    throw error;
  }
};
