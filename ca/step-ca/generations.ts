import type { Clock, Log } from '../../domain/ports/basics.ts';
import { MosaicError } from '../../domain/errors.ts';
import type { Generations, StepCaRollStore } from '../../domain/ports/authority.ts';
import type {
  CaProbe,
  CertificateAuthority,
  CrlSource,
  KnownRoot,
  RollStep,
  RootRollover,
} from '../authority.ts';
import { after, conflicting, phaseOf } from '../rollover.ts';
import { caUnavailable } from './http.ts';
import { createLists } from './lists.ts';

/** One step-ca of the configuration. */
export interface StepCaInstance {
  /** SHA-256 of its intermediate, hexadecimal: what the database calls it. */
  readonly id: string;
  readonly authority: CertificateAuthority & CrlSource & CaProbe;
  readonly rootPem: string;
  readonly intermediatePem: string;
  /** What is wrong with its set-up, for an operator. @throws MosaicError `ca_unavailable` when it can't be reached */
  readonly check: () => Promise<readonly string[]>;
}

export interface StepCaNext extends StepCaInstance {
  /** Over its root's name and key, signed by the root of the first; empty when both have one root. */
  readonly linkPem: string;
}

export interface StepCaGenerationsDeps {
  readonly first: StepCaInstance;
  /** Takes the place of `first` in a rollover. */
  readonly next: StepCaNext | null;
  readonly store: StepCaRollStore;
  readonly clock: Clock;
  readonly log: Log;
}

const refused = (detail: string): MosaicError => new MosaicError('invalid_transition', { detail });

const eachOnce = (pems: readonly string[]): string =>
  [...new Set(pems.map((pem) => `${pem.trimEnd()}\n`))].join('');

/**
 * One step-ca, or two while one takes the place of the other. Which issues and which are trusted stands in the database,
 * so that all replicas change over together; the configuration says where they are.
 */
export const createStepCaGenerations = ({
  first,
  next,
  store,
  clock,
  log,
}: StepCaGenerationsDeps): CertificateAuthority & CrlSource & CaProbe & RootRollover => {
  const instances = next === null ? [first] : [first, next];
  const listsOf = createLists({ log });
  let seen: Generations<string> | null = null;

  const instanceOf = (id: string): StepCaInstance => {
    const found = instances.find((one) => one.id === id);
    if (found !== undefined) return found;
    throw caUnavailable(
      `The database names a step-ca that is not configured here (its intermediate’s SHA-256 is ${id}); see docs/explanation/renewal.md.`,
    );
  };

  /** Where the database is away, what was last seen of it: without it nobody can change that. */
  const current = async (): Promise<Generations<string>> => {
    const { id } = first;
    const beginning = { oldest: id, issuing: id, newest: id, announcedAt: null, switchedAt: null };
    try {
      seen = (await store.get()) ?? beginning;
    } catch (error) {
      if (seen === null) throw error;
    }
    if (seen.oldest !== seen.newest && seen.newest === id)
      throw caUnavailable(
        'Finish the rollover with the configuration it was begun with; see docs/explanation/renewal.md.',
      );
    return seen;
  };

  const issuing = async (): Promise<StepCaInstance> => instanceOf((await current()).issuing);

  /** The issuing one first. */
  const trusted = (now: Generations<string>): readonly [StepCaInstance, ...StepCaInstance[]] => {
    const others = [...new Set([now.oldest, now.newest])].filter((id) => id !== now.issuing);
    return [instanceOf(now.issuing), ...others.map(instanceOf)];
  };

  const assertReady = async (id: string): Promise<void> => {
    const { authority, check } = instanceOf(id);
    const faults = await check();
    if (faults.length > 0) throw caUnavailable(`The next step-ca is not ready: ${faults.join('; ')}.`);
    await authority.crl();
  };

  const nextId = (from: Generations<string>): string => {
    if (next === null)
      throw refused('No next step-ca is configured. Set up another one and name it under ca.next.');
    if (next.id === from.issuing)
      throw refused(
        'The step-ca under ca.next issues certificates already. Move ca.next to ca in the configuration.',
      );
    return next.id;
  };

  const roll = async (step: RollStep): Promise<void> => {
    const from = await current();
    const to = after(step, from, step === 'announce' ? nextId(from) : from.newest, clock.now());
    if (step !== 'retire') await assertReady(to.newest);
    if (!(await store.change(from, to))) throw conflicting();
    await current();
  };

  return {
    kind: 'step-ca',
    rootPem: async () => (await issuing()).rootPem,
    issue: async (request) => (await issuing()).authority.issue(request),
    // Which of them issued it nobody has to know: one that did not takes note of it, and that is all.
    revoke: async (serial, reason, at) => {
      const now = await current();
      const concerned = phaseOf(now) === 'announced' ? [instanceOf(now.issuing)] : trusted(now);
      const told = await Promise.allSettled(
        concerned.map(({ authority }) => authority.revoke(serial, reason, at)),
      );
      const failed = told.find((one) => one.status === 'rejected');
      if (failed !== undefined) throw failed.reason as Error;
    },
    // Without the database, which may be what is away: that is another line of whoever asks.
    ping: async () => (seen === null ? await issuing() : instanceOf(seen.issuing)).authority.ping(),
    crl: async () => {
      const [one, ...others] = trusted(await current());
      return listsOf(one, others, clock.now());
    },
    trust: async () => {
      const now = await current();
      const all = trusted(now);
      return {
        rootsPem: eachOnce(all.map(({ rootPem }) => rootPem)),
        intermediatesPem: eachOnce(all.map(({ intermediatePem }) => intermediatePem)),
        linksPem: now.oldest === now.newest ? '' : (next?.linkPem ?? ''),
      };
    },
    rollState: async () => {
      const now = await current();
      const all = trusted(now);
      const use = (one: StepCaInstance, index: number): KnownRoot => ({
        pem: one.rootPem,
        use: index === 0 ? 'issuing' : all.includes(one) ? 'trusted' : 'configured',
      });
      const roots = [...new Set([...all, ...instances])].map(use);
      return { phase: phaseOf(now), announcedAt: now.announcedAt, switchedAt: now.switchedAt, roots };
    },
    roll,
  };
};
