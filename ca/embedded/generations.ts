import type { RootGenerations } from '../../domain/ports/authority.ts';
import type { Crl, RollState, RollStep, Trust } from '../authority.ts';
import { after, conflicting, phaseOf } from '../rollover.ts';
import { asAuthority } from './errors.ts';
import { createRevocationList, type CrlDeps, type RevocationList } from './revocations.ts';
import { loadOrCreateRoot, signLink, type Root, type RootDeps } from './root.ts';

interface Held {
  readonly root: Root;
  readonly list: RevocationList;
}

/** The roots of an embedded authority, by generation, as all replicas on one database have them at this moment. */
export interface Generations {
  issuing(): Promise<Root>;
  /** A list of each trusted root, in one text; every revocation is in each of them. @param fresh with all of other replicas */
  lists(fresh: boolean): Promise<Crl>;
  invalidateLists(): void;
  trust(): Promise<Trust>;
  state(): Promise<RollState>;
  roll(step: RollStep): Promise<void>;
}

/** The newest number first, which readers of the text go by; valid for as long as the first to end is. */
const joined = (lists: readonly Crl[], issuing: Crl): Crl => {
  const sorted = lists.toSorted((a, b) => (a.number < b.number ? 1 : -1));
  const soonest = lists.reduce((least, one) => (one.nextUpdate < least.nextUpdate ? one : least), issuing);
  return {
    ...issuing,
    pem: sorted.map(({ pem }) => pem).join(''),
    number: sorted[0]?.number ?? issuing.number,
    nextUpdate: soonest.nextUpdate,
    others: lists.filter((one) => one !== issuing),
  };
};

export const createGenerations = (deps: RootDeps & CrlDeps): Generations => {
  const opened = new Map<number, Promise<Held>>();
  let seen = '';

  const invalidateLists = (): void => {
    for (const held of opened.values()) held.then(({ list }) => list.invalidate()).catch(() => undefined);
  };

  const open = (generation: number): Promise<Held> => {
    const known = opened.get(generation);
    if (known !== undefined) return known;
    const opening = loadOrCreateRoot(deps, generation).then((root) => ({
      root,
      list: createRevocationList(deps, root),
    }));
    opened.set(generation, opening);
    // What failed is tried again the next time.
    opening.catch(() => opened.delete(generation));
    return opening;
  };

  const current = async (): Promise<RootGenerations> => {
    const now = await deps.store.roots();
    const key = `${now.oldest} ${now.issuing} ${now.newest}`;
    // Other lists take the place of those that were served: their numbers must be above.
    if (seen !== '' && seen !== key) for (const held of opened.values()) (await held).list.invalidate();
    seen = key;
    return now;
  };

  const trusted = async ({ oldest, issuing, newest }: RootGenerations): Promise<readonly Held[]> => {
    const others = Array.from({ length: newest - oldest + 1 }, (_, index) => oldest + index).filter(
      (generation) => generation !== issuing,
    );
    return Promise.all([issuing, ...others].map(open));
  };

  return {
    issuing: async () => (await open((await current()).issuing)).root,
    invalidateLists,
    lists: async (fresh) => {
      const held = await trusted(await current());
      const lists: Crl[] = [];
      // One after the other, the issuing root's last: so its number is the highest when all are new.
      for (const { list } of held.toReversed()) lists.push(await list.current(fresh));
      const issuing = lists.at(-1);
      if (issuing === undefined) throw new Error('there is no root');
      return lists.length === 1 ? issuing : joined(lists, issuing);
    },
    trust: async () => {
      const now = await current();
      const held = await trusted(now);
      const linksPem =
        now.oldest === now.newest
          ? ''
          : await signLink((await open(now.oldest)).root, (await open(now.newest)).root, deps);
      return { rootsPem: held.map(({ root }) => root.pem).join(''), intermediatesPem: '', linksPem };
    },
    state: async () => {
      const now = await deps.store.roots();
      const held = await trusted(now);
      const roots = held.map(({ root: { pem } }, index) => ({
        pem,
        use: index === 0 ? ('issuing' as const) : ('trusted' as const),
      }));
      return { phase: phaseOf(now), announcedAt: now.announcedAt, switchedAt: now.switchedAt, roots };
    },
    roll: async (step) => {
      const from = await deps.store.roots();
      const to = after(step, from, from.newest + 1, deps.clock.now());
      // Before anybody is told of it: a generation that is named has a root.
      await asAuthority('open its root', () => open(to.newest));
      if (!(await deps.store.changeRoots(from, to))) throw conflicting();
      await current();
    },
  };
};
