import type { FederationStatusAnswer } from '../client/answers.ts';
import { circuit, peerState } from './peers.ts';
import { facts, tableOr } from './table.ts';
import { clip, distance, moment, safe } from './text.ts';

/** Words as well as colours would: it is read in logs and by people who can't tell red from green. */
const MARK: Readonly<Record<string, string>> = { green: 'ok', yellow: 'LOOK', red: 'FAIL' };

const contact = (at: string | null | undefined, now: Date): string => (at ? distance(at, now) : 'never');

const alertsOf = ({ raised, last = {}, lost }: FederationStatusAnswer['alerts'], now: Date): string => {
  const names = Object.entries(raised).map(([name, times]) => {
    const at = last[name];
    return `${safe(name)} (${times}${at === undefined ? '' : `, last ${distance(at, now)}`})`;
  });
  const text = names.length === 0 ? 'none' : names.join(', ');
  return lost > 0 ? `${text}; ${lost} not delivered` : text;
};

/** Absent from an older gateway. */
const databaseOf = (database: FederationStatusAnswer['database'], now: Date): string => {
  if (database === undefined || database.condition === 'ok') return 'ok';
  return `${safe(database.condition)} since ${distance(database.since, now)}. ${safe(database.cure ?? '')}`;
};

/** What is wrong and what to do, the gravest first. Absent from an older gateway. */
const findingsOf = (findings: FederationStatusAnswer['findings'] = []): string =>
  ['red', 'yellow']
    .flatMap((light) => findings.filter(({ status }) => status === light))
    .map(({ status, message, cure, peer }) => {
      const about = peer ? `${clip(peer, 40)}: ` : '';
      return `${(MARK[status] ?? status).padEnd(4)}  ${about}${safe(message)}\n      ${safe(cure)}\n`;
    })
    .join('');

/** Every peer that is asked, then what concerns the gateway as a whole. */
export const renderFederationStatus = (status: FederationStatusAnswer, now: Date): string => {
  const { cache, audit, alerts, revocation, database, front } = status;
  const peers = tableOr(
    'There are no outbound peers.',
    ['', 'PEER', 'STATE', 'CIRCUIT', 'CERTIFICATE UNTIL', 'LAST SUCCESS', 'LAST FAILURE'],
    status.peers.map((peer) => [
      MARK[peer.status] ?? safe(peer.status),
      clip(peer.name, 40),
      safe(peerState(peer, now)),
      peer.circuit ? circuit(peer.circuit, now) : '-',
      peer.certificate_not_after
        ? `${moment(peer.certificate_not_after)} (${distance(peer.certificate_not_after, now)})`
        : '-',
      contact(peer.last_success_at, now),
      peer.last_failure_at
        ? `${contact(peer.last_failure_at, now)}: ${safe(peer.last_failure_code ?? 'failed')}`
        : 'never',
    ]),
  );
  const rate = cache.hit_rate === null ? 'no queries yet' : `${(cache.hit_rate * 100).toFixed(1)} %`;
  const whole = facts([
    [
      'cache hits',
      cache.hit_rate === null ? rate : `${rate} (${cache.hits} of ${cache.hits + cache.misses})`,
    ],
    ['audit', `${audit.written} written, ${audit.waiting} waiting, ${audit.dropped} dropped`],
    ['alerts', alertsOf(alerts, now)],
    ['revocations', revocation.status === 'lost' ? 'LOST by a restore; every peer is refused' : 'current'],
    ['database', databaseOf(database, now)],
    [
      'front',
      front === null
        ? 'not managed by this gateway'
        : `${safe(front.status)}, certificate until ${moment(front.certificate_not_after)} (${distance(front.certificate_not_after, now)})`,
    ],
  ]);
  const more = status.more_peers
    ? 'There are more peers. List them with: mosaic federation peer list --all\n'
    : '';
  const findings = findingsOf(status.findings);
  return `${peers}${more}\n${whole}\n${findings === '' ? '' : `${findings}\n`}Overall: ${safe(status.status)}.\n`;
};
