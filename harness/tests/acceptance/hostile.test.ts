import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ATTACKS, type Front } from '../hostile/attacks.ts';
import { openBattlefield, type Battlefield } from '../hostile/battlefield.ts';
import { beside, type Beside } from '../hostile/beside.ts';

/** Long enough for two rounds of the list, which every gateway here asks for each second. */
const SPAN = { aloneMs: 300, besideMs: 2_500, connections: 2 } as const;
const HELD_MS = 200;
/** What a gateway may take more than before: its young generation under load is 96 MiB of it. */
const GROWTH_MIB = 256;
/** A busy machine may disturb one window, hardly all of them. What is not answered is never excused by it. */
const WINDOWS = 3;
const BOOT_MS = 180_000;
const ATTACK_MS = 240_000;

const growthOf = ({ residentMiB: [before, most] }: Beside): number => most - before;
const isQuiet = (one: Beside): boolean => one.heldMs <= HELD_MS && growthOf(one) <= GROWTH_MIB;

/** FAULTS kind A: what one outsider does costs the others nothing that counts. How fast they are is for the bench. */
describe.each<Front>(['nginx', 'own'])('beside one who is hostile, at the front %s', (front) => {
  let field: Battlefield;

  beforeAll(async () => {
    field = await openBattlefield(front);
  }, BOOT_MS);
  afterAll(() => field?.close());

  it.each(
    ATTACKS.filter(({ fronts }) => fronts.includes(front)).map(
      (attack) => [attack.faults, attack.name, attack] as const,
    ),
  )(
    '%s others are answered beside: %s',
    async (_faults, _name, attack) => {
      let worst: Beside | undefined;
      for (let window = 0; window < WINDOWS; window += 1) {
        const met = await beside(field, attack, SPAN);
        expect(met.beside.others).toEqual({});
        expect(met.publicOthers).toEqual({});
        expect(met.beside.answered).toBeGreaterThan(0);
        worst = met;
        if (isQuiet(met)) break;
      }
      const { heldMs = Infinity } = worst ?? {};
      expect({ heldMs: heldMs <= HELD_MS ? 'short' : heldMs }).toEqual({ heldMs: 'short' });
      const growth = worst === undefined ? Infinity : growthOf(worst);
      expect({ growthMiB: growth <= GROWTH_MIB ? 'bounded' : growth }).toEqual({ growthMiB: 'bounded' });
    },
    ATTACK_MS,
  );
});
