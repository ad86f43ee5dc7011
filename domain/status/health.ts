import { DATABASE_CURES, type DatabaseState } from '../database/state.ts';
import { isUsable, type PeerDirection, type PeerState } from '../peers/peer.ts';

export type Light = 'green' | 'yellow' | 'red';

/**
 * `stale`: the last attempt to renew something failed, or a list was refused; what was there stays in force.
 * `proof_unreadable`: the secret that the front proves itself with cannot be read; peers get 503 once nginx uses another one.
 */
export const FRONT_STATUSES = ['ok', 'stale', 'proof_unreadable'] as const;
export type FrontStatus = (typeof FRONT_STATUSES)[number];

/** The parts of a gateway that health is told of, in the order in which they are shown. */
export const HEALTH_CHECKS = [
  'database',
  'revocations',
  'key_value_store',
  'authority',
  'front',
  'audit',
  'peers',
  'alerts',
] as const;
export type HealthCheck = (typeof HEALTH_CHECKS)[number];

interface HealthText {
  readonly check: HealthCheck;
  readonly status: Exclude<Light, 'green'>;
  readonly message: string;
  readonly cure: string;
}

const RE_ENROLL =
  'Enroll again with a new enrollment URL from the peer, or remove it: mosaic federation peer remove.';

/**
 * All that can be wrong with a gateway that runs. This is the one table: `/ready`, `mosaic gateway doctor`, `mosaic federation
 * status` and the metric `mosaic_health` take their words and their lights from here (FAULTS F-52).
 */
export const HEALTH = {
  database_unfit: {
    check: 'database',
    status: 'red',
    message: 'The gateway cannot serve from its database.',
    cure: 'See the log of the gateway and of Postgres.',
  },
  revocations_lost: {
    check: 'revocations',
    status: 'red',
    message: 'Revocations are lost: the database is older than what was published, and peers are refused.',
    cure: 'Compare the grants with what was revoked, then run: mosaic gateway accept-restore (docs/revocation.md).',
  },
  kv_needed: {
    check: 'key_value_store',
    status: 'red',
    message: 'The key-value store does not answer, and without it requests are refused.',
    cure: 'Start it, or look whether it hangs; kv.when_down: local serves without it.',
  },
  kv_away: {
    check: 'key_value_store',
    status: 'yellow',
    message: 'The key-value store does not answer. Requests are served with stricter rate limits.',
    cure: 'Start it, or look whether it hangs.',
  },
  authority_away: {
    check: 'authority',
    status: 'yellow',
    message: 'The certificate authority does not answer. Peers are served, but nobody can enroll or renew.',
    cure: 'Start step-ca, or look at its log; a start of the gateway needs it, too.',
  },
  front_proof_unreadable: {
    check: 'front',
    status: 'red',
    message: 'The gateway cannot tell its front from others: front-proof.conf cannot be read.',
    cure: 'Give the gateway’s user front-proof.conf (mode 0600) in MOSAIC_FRONT_DIRECTORY, or remove it: the gateway makes it anew.',
  },
  front_expired: {
    check: 'front',
    status: 'red',
    message: 'The certificate or the revocation list of the front has expired: every peer is refused.',
    cure: 'See the log for the alerts front_certificate and crl_expiring, and the clock of this host.',
  },
  front_stale: {
    check: 'front',
    status: 'yellow',
    message: 'Something of the front could not be renewed. What was there stays in force.',
    cure: 'See the log for the alert front_stale.',
  },
  audit_dropped: {
    check: 'audit',
    status: 'yellow',
    message: 'Audit entries were dropped since the start.',
    cure: 'See the log for the alerts audit_dropped and audit_stalled, and how the database stood then.',
  },
  peer_certificate_expired: {
    check: 'peers',
    status: 'red',
    message: 'The certificate for this peer has expired, or there is none: it cannot be asked.',
    cure: RE_ENROLL,
  },
  peer_certificate_expiring: {
    check: 'peers',
    status: 'yellow',
    message: 'The certificate for this peer ends in less than three days and should have been renewed.',
    cure: 'See the log for the alert peer_renewal_failed, and whether the peer answers.',
  },
  peer_authority_changed: {
    check: 'peers',
    status: 'red',
    message: 'The peer shows a certificate of another authority than it enrolled us with.',
    cure: 'Ask its operator whether the authority was replaced; then enroll again with a new enrollment URL.',
  },
  peer_degraded: {
    check: 'peers',
    status: 'yellow',
    message: 'The renewal of the certificate for this peer failed.',
    cure: 'See the log for the alert peer_renewal_failed, and whether the peer answers.',
  },
  peer_not_asked: {
    check: 'peers',
    status: 'yellow',
    message: 'The peer did not answer, and is not asked for a while.',
    cure: 'Look whether the peer runs; it is asked again by itself.',
  },
  peer_revoked: {
    check: 'peers',
    status: 'yellow',
    message: 'The peer has revoked its grant to this gateway.',
    cure: RE_ENROLL,
  },
  inbound_certificate_expired: {
    check: 'peers',
    status: 'yellow',
    message: 'The certificate of a peer that asks us has expired without a renewal.',
    cure: 'Ask its operator whether it is still needed; create a new enrollment URL for its grant, or revoke it.',
  },
  alerts_raised: {
    check: 'alerts',
    status: 'yellow',
    message: 'There were alerts in the last hour.',
    cure: 'Search the log of the gateway for "alert".',
  },
} as const satisfies Readonly<Record<string, HealthText>>;

export type HealthCode = keyof typeof HEALTH;
export const HEALTH_CODES = Object.keys(HEALTH) as readonly HealthCode[];

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
  /** When each alert was logged last. */
  readonly alerts: readonly Date[];
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

export const worst = (lights: readonly Light[]): Light =>
  lights.includes('red') ? 'red' : lights.includes('yellow') ? 'yellow' : 'green';

const ofOutbound = (peer: PeerStanding, now: Date): HealthCode | null => {
  const { state, circuit, certificateNotAfter, failure } = peer;
  if (state === 'revoked') return 'peer_revoked';
  if (!isUsable(state)) return null;
  const left = certificateNotAfter === null ? 0 : certificateNotAfter.getTime() - now.getTime();
  if (left <= 0) return 'peer_certificate_expired';
  if (failure === 'ca_pin_mismatch') return 'peer_authority_changed';
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
  if (facts.alerts.some((at) => now.getTime() - at.getTime() < RECENT_MS))
    found.push(finding('alerts_raised'));
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
