import { startNginx, writeNginxConfig } from '../components/nginx.ts';
import { startPostgres } from '../components/postgres.ts';
import { stop, type Component, type OnSpawn } from '../components/process.ts';
import { startStepCa } from '../components/step-ca.ts';
import { startValkey } from '../components/valkey.ts';
import { authorityFiles, frontOf, startGatewayProcess } from './gateway.ts';
import { DATABASE, folderOf, gatewaysOf, portsOf, postgresPassword, SIDES, type Plan } from './plan.ts';
import { isRunning, type Running, type Side } from './state.ts';

export type Starter = (onSpawn: OnSpawn) => Promise<Component>;

const ofSide = (plan: Plan, side: Side): readonly (readonly [string, Starter])[] => {
  const gateways = gatewaysOf(plan, side);
  const front = frontOf(plan, side, gateways);
  const [postgres, valkey] = [`postgres-${side}`, `valkey-${side}`];
  return [
    [
      postgres,
      (onSpawn) =>
        startPostgres({
          name: postgres,
          folder: folderOf(plan, postgres),
          port: portsOf(plan, side).postgres,
          database: DATABASE.name,
          user: DATABASE.user,
          password: postgresPassword(plan, side),
          onSpawn,
        }),
    ],
    [
      valkey,
      (onSpawn) =>
        startValkey({
          name: valkey,
          folder: folderOf(plan, valkey),
          port: portsOf(plan, side).valkey,
          onSpawn,
        }),
    ],
    ...gateways.map(
      (gateway) =>
        [
          gateway,
          (onSpawn: OnSpawn) => {
            // The gateway tests the front's configuration before it tells the front to read it again.
            writeNginxConfig(front);
            return startGatewayProcess(plan, side, gateway, { onSpawn });
          },
        ] as const,
    ),
    [front.name, (onSpawn) => startNginx({ ...front, onSpawn })],
  ];
};

/** How each component of a stack is started, at first and after it ended: on the same folder and ports. */
export const startersOf = (plan: Plan): ReadonlyMap<string, Starter> =>
  new Map([
    [
      'step-ca',
      (onSpawn: OnSpawn) =>
        startStepCa({
          folder: folderOf(plan, 'step-ca'),
          port: plan.ports.stepCa,
          crlPort: plan.ports.stepCaCrl,
          onSpawn,
        }),
    ],
    ...SIDES.flatMap((side) => ofSide(plan, side)),
  ]);

/** Postgres's own "fast": it would wait for its clients otherwise. */
const signalFor = (name: string): NodeJS.Signals => (name.startsWith('postgres') ? 'SIGINT' : 'SIGTERM');

/** In the opposite order of starting; only processes that are still the ones we started. */
export const stopComponents = async (components: readonly Running[]): Promise<void> => {
  const rank = ({ name }: Running): number =>
    name.startsWith('nginx') ? 0 : name.startsWith('gateway') ? 1 : 2;
  for (const turn of [0, 1, 2]) {
    const now = components.filter((one) => rank(one) === turn && isRunning(one));
    // Both signals: one that was paused would keep the other until it goes on.
    await Promise.all(
      now.map((one) => {
        process.kill(one.pid, 'SIGCONT');
        return stop(one, signalFor(one.name));
      }),
    );
  }
};

/**
 * Starts everything in parallel as far as one thing does not need the other: services, then gateways (they ask the
 * authority for the fronts' certificates), then fronts.
 * @throws AggregateError with what failed; everything else is settled by then
 */
export const startAll = async (plan: Plan, onSpawn: OnSpawn): Promise<void> => {
  const starters = startersOf(plan);
  const start = (name: string): Promise<Component> => {
    const starter = starters.get(name);
    if (starter === undefined) throw new Error(`there is no component ${name}`);
    return starter(onSpawn);
  };
  const authority = start('step-ca');
  const sides = SIDES.map(async (side) => {
    await Promise.all([start(`postgres-${side}`), start(`valkey-${side}`), authority]);
    // One after the other: the first brings the schema, and waiting for its lock would cost the others more.
    for (const gateway of gatewaysOf(plan, side)) await start(gateway);
    await start(`nginx-${side}`);
  });
  const failures = (await Promise.allSettled([authority, ...sides])).flatMap((one) =>
    one.status === 'rejected' ? [one.reason as unknown] : [],
  );
  const distinct = [...new Set(failures)];
  if (distinct.length > 0) {
    const texts = distinct.map((error) => (error instanceof Error ? error.message : String(error)));
    throw new AggregateError(distinct, texts.join('\n'));
  }
};

export const rootCertificateOf = (plan: Pick<Plan, 'place'>): string => authorityFiles(plan).root;
