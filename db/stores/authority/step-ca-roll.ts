import type { Generations, StepCaRollStore } from '../../../domain/ports/authority.ts';
import { unwrapped, type Session } from '../session.ts';

interface Row {
  readonly oldest: string;
  readonly issuing: string;
  readonly newest: string;
  readonly announced_at: string | null;
  readonly switched_at: string | null;
}

const GET = `select oldest, issuing, newest, announced_at::text, switched_at::text from step_ca_roll where id = 1`;

/** Where there is no row yet, what is configured is what everybody began with. */
const CHANGE = `insert into step_ca_roll (id, oldest, issuing, newest, announced_at, switched_at)
values (1, $4, $5, $6, $7::timestamptz, $8::timestamptz)
on conflict (id) do update set oldest = excluded.oldest, issuing = excluded.issuing, newest = excluded.newest,
  announced_at = excluded.announced_at, switched_at = excluded.switched_at
where step_ca_roll.oldest = $1 and step_ca_roll.issuing = $2 and step_ca_roll.newest = $3
returning id`;

const dateOf = (text: string | null): Date | null => (text === null ? null : new Date(text));

const namesOf = ({ oldest, issuing, newest }: Generations<string>): readonly string[] => [
  oldest,
  issuing,
  newest,
];

export const createStepCaRollStore = ({ raw }: Session): StepCaRollStore =>
  unwrapped<StepCaRollStore>({
    get: async () => {
      const [row] = await raw.query<Row>(GET, []);
      if (row === undefined) return null;
      const { oldest, issuing, newest, announced_at: announced, switched_at: switched } = row;
      return { oldest, issuing, newest, announcedAt: dateOf(announced), switchedAt: dateOf(switched) };
    },
    change: async (from, to) => {
      const times = [to.announcedAt, to.switchedAt].map((at) => at?.toISOString() ?? null);
      return (await raw.query(CHANGE, [...namesOf(from), ...namesOf(to), ...times])).length === 1;
    },
  });
