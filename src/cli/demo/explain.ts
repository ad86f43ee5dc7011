import { narrow } from '../../../domain/scope/narrow.ts';
import type { Resource } from '../../../domain/resources.ts';
import type { Scope } from '../../../domain/scope/scope.ts';
import type { RowAnswer } from '../client/answers.ts';

/** Rows that did not travel, for one reason. */
export interface LeftOut {
  readonly rows: number;
  readonly belongsTo: string;
  readonly why: string;
  readonly example: string;
}

export interface Compared {
  readonly resource: Resource;
  readonly scope: Scope;
  /** What the subject sees at the own gateway. */
  readonly native: readonly RowAnswer[];
  /** Ids that arrived on the other side. */
  readonly arrived: ReadonlySet<string>;
  /** Team ids by name. */
  readonly teams: Readonly<Record<string, string>>;
}

const reasonFor = (row: RowAnswer, compared: Compared): Pick<LeftOut, 'belongsTo' | 'why'> => {
  const narrowed = narrow(compared.scope, compared.resource);
  const teamId = row['team_id'];
  const team = Object.entries(compared.teams).find(([, id]) => id === teamId)?.[0] ?? String(teamId);
  const belongsTo = typeof teamId === 'string' ? `team ${team}` : 'the subject alone';
  if (!narrowed.allowed) {
    const excluded = narrowed.code === 'resource_excluded';
    return { belongsTo, why: `the scope ${excluded ? 'excludes' : 'does not grant'} ${compared.resource}` };
  }
  if (typeof teamId === 'string') {
    if (!narrowed.reach.teams.includes(teamId)) {
      return { belongsTo, why: `filters.${compared.resource}.include_teams does not name ${team}` };
    }
  } else if (!narrowed.reach.personal) {
    return { belongsTo, why: `filters.${compared.resource}.include_personal is false` };
  }
  return { belongsTo, why: 'not on this page (max_rows_per_query, or written meanwhile)' };
};

/** What the scope held back, a line per reason, by comparing both sides rather than by trusting either. */
export const explainLeftOut = (compared: Compared): readonly LeftOut[] => {
  const found = new Map<string, LeftOut>();
  for (const row of compared.native) {
    if (compared.arrived.has(row.id)) continue;
    const reason = reasonFor(row, compared);
    const key = `${reason.belongsTo}\n${reason.why}`;
    const before = found.get(key);
    const title = row['title'];
    const example = before?.example ?? (typeof title === 'string' ? title : row.id);
    found.set(key, { ...reason, rows: (before?.rows ?? 0) + 1, example });
  }
  return [...found.values()];
};
