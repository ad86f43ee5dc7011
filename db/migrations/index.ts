import { directory } from './0001_directory.ts';
import { resources } from './0002_resources.ts';
import { federation } from './0003_federation.ts';
import { auditLog } from './0004_audit_log.ts';
import { gatewayKeys } from './0005_gateway_keys.ts';
import { rowSecurity } from './0006_row_security.ts';
import { grantLifecycle } from './0007_grant_lifecycle.ts';
import { responseCache } from './0008_response_cache.ts';
import { renewal } from './0009_renewal.ts';
import { auditChain } from './0010_audit_chain.ts';
import { searching } from './0011_search.ts';
import { rootRollover } from './0012_root_rollover.ts';
import { revocationPush } from './0013_revocation_push.ts';
import { revocationMemory } from './0014_revocation_memory.ts';
import { listSigner } from './0015_list_signer.ts';
import { stepCaRoll } from './0016_step_ca_roll.ts';
import { searchCost } from './0017_search_cost.ts';
import { newestOfTeams } from './0018_newest_of_teams.ts';
import { servingLease } from './0019_serving_lease.ts';
import { threeLogins } from './0021_three_logins.ts';
import { auditPlaces } from './0022_audit_places.ts';
import { onePeerAGrant } from './0025_one_peer_a_grant.ts';
import { lostRevocationsStayLost } from './0026_lost_revocations_stay_lost.ts';
import { searchSharpS } from './0030_search_sharp_s.ts';
import type { Migration } from './migration.ts';

/** All migrations, oldest first. */
export const MIGRATIONS: readonly Migration[] = [
  directory,
  resources,
  federation,
  auditLog,
  gatewayKeys,
  rowSecurity,
  grantLifecycle,
  responseCache,
  renewal,
  auditChain,
  searching,
  rootRollover,
  revocationPush,
  revocationMemory,
  listSigner,
  stepCaRoll,
  searchCost,
  newestOfTeams,
  servingLease,
  threeLogins,
  auditPlaces,
  onePeerAGrant,
  lostRevocationsStayLost,
  searchSharpS,
];
