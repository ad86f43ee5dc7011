import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrate } from '../../db/migrate.ts';
import { Died, dyingDriver } from '../../db/testing/dying.testkit.ts';
import { transfer } from '../../db/transfer/transfer.ts';
import { HOOKS, openMoving, type Moving } from './moving.ts';

let moving: Moving;
let base: string;

beforeAll(async () => {
  moving = await openMoving(40);
  base = await moving.cluster.create();
  await moving.withTarget(base, (target) => migrate(target));
});
afterAll(() => moving.close());

const attempt = (url: string, fatal: number) =>
  moving.withTarget(url, async (target) => {
    const dying = dyingDriver(target, fatal);
    const work = moving.reading((source) => transfer(source, dying.driver, HOOKS));
    const error = await work.catch((thrown: unknown) => thrown);
    return { error, moments: dying.moments() };
  });

// Kills while the schema is made are db/migrate.killed.integration.test.ts.
it(
  'X-73 M1-4 killed at any statement or commit, a second run ends with everything, once',
  { timeout: 600_000 },
  async () => {
    const expected = await moving.sourceContents();
    const whole = await attempt(await moving.cluster.create(base), 0);
    expect(whole.error).toMatchObject({ copied: expected.length });
    expect(whole.moments).toBeGreaterThan(200);
    for (let moment = 1; moment <= whole.moments; moment += 1) {
      const url = await moving.cluster.create(base);
      expect((await attempt(url, moment)).error).toBeInstanceOf(Died);
      const second = await moving.run(url);
      expect({ moment, lines: await moving.linesOf(url), startedOver: second.startedOver }).toEqual({
        moment,
        lines: expected,
        startedOver: false,
      });
      await moving.cluster.drop(url);
    }
  },
);
