import { DATABASE_CURES, type DatabaseState } from '../database/state.ts';
import { isUsable, type PeerDirection, type PeerState } from '../peers/peer.ts';
import {
  HEALTH,
  HEALTH_CHECKS,
  type HealthCheck,
  type HealthCode,
  type HealthText,
  type Light,
} from './health-texts.ts';

/**
 * `stale`: the last attempt to renew something failed, or a list was refused; what was there stays in force.
 * `proof_unreadable`: the secret that the front proves itself with cannot be read; peers get 503 once nginx uses another one.
 */
export const FRONT_STATUSES = ['ok', 'stale', 'proof_unreadable'] as const;
export type FrontStatus = (typeof FRONT_STATUSES)[number];

/** One thing that is wrong. */
export interface HealthFinding extends HealthText {
  readonly code: HealthCode;
  /** The name of the peer that it is about, or null. For administrators alone. */
  readonly peer: string | null;
}

/** A peer, as far as health goes. */
export interface PeerStanding {
  readonly name: string;
  readonly direction: PeerDirection;
  readonly state: PeerState;
  readonly circuit: 'closed' | 'open' | 'half_open';
  readonly certificateNotAfter: Date | null;
  /** Code of the last failure, where none of its calls succeeded since; null otherwise. */
  readonly failure: string | null;
}

/** What a gateway knows of itself. */
export interface HealthFacts {
  readonly database: { readonly answers: boolean; readonly state: DatabaseState };
  /** null: nobody could ask. */
  readonly revocations: 'current' | 'lost' | null;
  readonly kv: { readonly answers: boolean; readonly isNeeded: boolean };
  readonly authority: { readonly answers: boolean };
  /** null where somebody else keeps the front. */
  readonly front: {
    readonly status: FrontStatus;
    readonly certificateNotAfter: Date;
    readonly crlNextUpdate: Date;
  } | null;
  readonly auditDropped: number;
  /** When each alert was logged last, by its name. */
  readonly alerts: Readonly<Record<string, Date>>;
  /** null: they could not be read. */
  readonly peers: readonly PeerStanding[] | null;
}

/** `degraded`: something that is needed for some requests is away. `unavailable`: nothing can be served. */
export type Serving = 'ready' | 'degraded' | 'unavailable';

export interface Health {
  /** The worst of the findings. */
  readonly status: Light;
  readonly serving: Serving;
  readonly findings: readonly HealthFinding[];
}

/** Below it a certificate should have been renewed long ago. */
const SOON_MS = 3 * 86_400_000;
const RECENT_MS = 3_600_000;

const worst = (lights: readonly Light[]): Light =>
  lights.includes('red') ? 'red' : lights.includes('yellow') ? 'yellow' : 'green';

const ofOutbound = (peer: PeerStanding, now: Date): HealthCode | null => {
  const { state, circuit, certificateNotAfter, failure } = peer;
  if (state === 'revoked') return 'peer_revoked';
  if (!isUsable(state)) return null;
  const left = certificateNotAfter === null ? 0 : certificateNotAfter.getTime() - now.getTime();
  if (left <= 0) return 'peer_certificate_expired';
  if (failure === 'ca_pin_mismatch') return 'peer_authority_changed';
  if (failure === 'certificate_untrusted') return 'peer_refuses_certificate';
  if (failure === 'server_certificate_expired') return 'peer_server_expired';
  if (failure === 'server_certificate_not_yet_valid') return 'peer_server_not_yet_valid';
  if (state === 'degraded') return 'peer_degraded';
  if (circuit !== 'closed') return 'peer_not_asked';
  return left < SOON_MS ? 'peer_certificate_expiring' : null;
};

const ofInbound = ({ state, certificateNotAfter }: PeerStanding, now: Date): HealthCode | null =>
  isUsable(state) && certificateNotAfter !== null && certificateNotAfter <= now
    ? 'inbound_certificate_expired'
    : null;

/** What is wrong with one peer, the gravest alone; null: nothing, or it is as somebody wanted it (pending, suspended). */
export const peerFinding = (peer: PeerStanding, now: Date): HealthCode | null =>
  peer.direction === 'outbound' ? ofOutbound(peer, now) : ofInbound(peer, now);

/** The light of one peer. @see peerFinding */
export const lightOfPeer = (peer: PeerStanding, now: Date): Light => {
  const code = peerFinding(peer, now);
  return code === null ? 'green' : HEALTH[code].status;
};

const frontCode = (front: HealthFacts['front'], now: Date): HealthCode | null => {
  if (front === null) return null;
  if (front.status === 'proof_unreadable') return 'front_proof_unreadable';
  if (front.certificateNotAfter <= now || front.crlNextUpdate <= now) return 'front_expired';
  return front.status === 'stale' ? 'front_stale' : null;
};

const finding = (code: HealthCode, over: Partial<HealthFinding> = {}): HealthFinding => ({
  code,
  peer: null,
  ...HEALTH[code],
  ...over,
});

const databaseFinding = ({ database: { state } }: HealthFacts): HealthFinding =>
  finding('database_unfit', {
    message: `The gateway cannot serve from its database: ${state.condition === 'ok' ? 'it does not answer in time' : state.condition}.`,
    cure: DATABASE_CURES[state.condition === 'ok' ? 'away' : state.condition] ?? HEALTH.database_unfit.cure,
  });

/** What was raised lately: the names say whether a disk is full or a peer is gone, and are what to look for in the log. */
const recentOf = (alerts: HealthFacts['alerts'], now: Date): readonly string[] =>
  Object.entries(alerts)
    .filter(([, at]) => now.getTime() - at.getTime() < RECENT_MS)
    .map(([name]) => name)
    .toSorted();

const alertsFinding = (names: readonly string[]): HealthFinding =>
  finding('alerts_raised', { message: `The gateway raised alerts in the last hour: ${names.join(', ')}.` });

/** Which of the requests can be served: what a load balancer goes by. */
const servingOf = (facts: HealthFacts, codes: ReadonlySet<HealthCode>): Serving => {
  if (codes.has('database_unfit') || codes.has('kv_needed')) return 'unavailable';
  const lacks: readonly HealthCode[] = ['kv_away', 'authority_away', 'front_proof_unreadable'];
  return facts.revocations === 'current' && !lacks.some((code) => codes.has(code)) ? 'ready' : 'degraded';
};

/**
 * How a gateway stands (FAULTS F-52, SPEC M5-8).
 *
 * @returns findings in the order of `HEALTH_CHECKS`; none: green
 * @example
 * healthOf(facts, new Date()).findings.map(({ code }) => code); // ['kv_away']
 */
export const healthOf = (facts: HealthFacts, now: Date): Health => {
  const isFit = facts.database.answers && facts.database.state.condition === 'ok';
  const front = frontCode(facts.front, now);
  const found: HealthFinding[] = [];
  if (!isFit) found.push(databaseFinding(facts));
  if (facts.revocations === 'lost') found.push(finding('revocations_lost'));
  if (!facts.kv.answers) found.push(finding(facts.kv.isNeeded ? 'kv_needed' : 'kv_away'));
  if (!facts.authority.answers) found.push(finding('authority_away'));
  if (front !== null) found.push(finding(front));
  if (facts.auditDropped > 0) found.push(finding('audit_dropped'));
  for (const peer of facts.peers ?? []) {
    const code = peerFinding(peer, now);
    if (code !== null) found.push(finding(code, { peer: peer.name }));
  }
  const raised = recentOf(facts.alerts, now);
  if (raised.length > 0) found.push(alertsFinding(raised));
  return {
    status: worst(found.map(({ status }) => status)),
    serving: servingOf(facts, new Set(found.map(({ code }) => code))),
    findings: found,
  };
};

/** The light of each part. */
export const lightsOf = ({ findings }: Pick<Health, 'findings'>): Readonly<Record<HealthCheck, Light>> =>
  Object.fromEntries(
    HEALTH_CHECKS.map((check) => [
      check,
      worst(findings.filter((one) => one.check === check).map(({ status }) => status)),
    ]),
  ) as Record<HealthCheck, Light>;

/** For those who may not hear of peers by name: each kind of finding once. */
export const withoutPeers = (findings: readonly HealthFinding[]): readonly HealthFinding[] => [
  ...new Map(findings.map((one) => [one.code, { ...one, peer: null }])).values(),
];
