import { afterAll, beforeAll, describe } from 'vitest';
import { enrollmentCases } from './cases/enrollment.ts';
import { federationCases } from './cases/federation.ts';
import { peopleCases } from './cases/people.ts';
import { publicCases } from './cases/public.ts';
import { resourcesCases } from './cases/resources.ts';
import type { World } from './cases/world.ts';
import { asking, read } from './client.ts';
import type { GatewayUnderTest } from './under-test.ts';

const OPEN_MS = 120_000;
const STOP_MS = 30_000;

/**
 * What a gateway does, whatever it runs on. Each runner opens one and hands it over; the cases are the same for
 * all (ARCHITECTURE "Portability proven"). They build on each other, as an operator's first day does.
 */
export const conformanceSuite = (
  runtime: string,
  open: () => Promise<GatewayUnderTest>,
  /** Cases of this runtime alone, after the others. */
  more: (world: World) => void = () => {},
): void => {
  describe(`conformance: ${runtime}`, () => {
    const world = {} as World;

    beforeAll(async () => {
      const gateway = await open();
      const peerAsks: World['peerAsks'] = async (client, path, init) =>
        read(await gateway.federationFetch(client, path, init));
      Object.assign(world, { gateway, ask: asking(gateway), peerAsks });
    }, OPEN_MS);
    afterAll(async () => {
      await (world as Partial<World>).gateway?.stop();
    }, STOP_MS);

    publicCases(world);
    peopleCases(world);
    resourcesCases(world);
    enrollmentCases(world);
    federationCases(world);
    more(world);
  });
};
