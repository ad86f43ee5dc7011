import { afterAll, beforeAll, expect, it } from 'vitest';
import { openMaintenance } from '../../../db/connect/maintenance.ts';
import type { Driver } from '../../../db/driver/driver.ts';
import { migrate } from '../../../db/migrate.ts';
import { Died, dyingDriver } from '../../../db/testing/dying.testkit.ts';
import { transfer, type TransferHooks } from '../../../db/transfer/transfer.ts';
import { HOOKS, TABLES, openMoving, type Moving } from './moving.ts';

let moving: Moving;
let url: string;
let target: Driver;

/** Small pages, so that tables take several. */
const PAGED: TransferHooks = { ...HOOKS, limits: { rows: 25, bytes: 10_000 } };

beforeAll(async () => {
  moving = await openMoving(40, { large: 100 });
  url = await moving.cluster.create();
  target = openMaintenance(url, 'test');
  await migrate(target);
});
afterAll(async () => {
  await target.close();
  await moving.close();
});

/** As the migrations left it. */
const wipe = () =>
  moving.cluster.underneath(
    url,
    `drop table if exists mosaic_transfer, mosaic_transfer_tables; truncate ${TABLES.join(', ')};
      insert into embedded_ca_state values (1, 0)`,
  );

const attempt = async (fatal: number) => {
  const dying = dyingDriver(target, fatal);
  const work = moving.reading((source) => transfer(source, dying.driver, PAGED));
  const error = await work.catch((thrown: unknown) => thrown);
  return { error, moments: dying.moments() };
};

// Kills while the schema is made are db/migrate.killed.integration.test.ts.
it(
  'X-73 M1-4 killed at any statement or commit, a second run ends with everything, once',
  { timeout: 600_000 },
  async () => {
    const expected = await moving.sourceContents();
    const whole = await attempt(0);
    expect(whole.error).toMatchObject({ copied: expected.length });
    expect(whole.moments).toBeGreaterThan(200);
    for (let moment = 1; moment <= whole.moments; moment += 1) {
      await wipe();
      expect((await attempt(moment)).error).toBeInstanceOf(Died);
      const second = await moving.reading((source) => transfer(source, target, PAGED));
      expect({ moment, lines: await moving.linesOf(url), startedOver: second.startedOver }).toEqual({
        moment,
        lines: expected,
        startedOver: false,
      });
    }
  },
);
