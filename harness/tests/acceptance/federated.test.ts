import { afterAll } from 'vitest';
import { describeAsking } from './asking.ts';
import { describeAuditEvidence } from './audit-evidence.ts';
import { describeAuditOutage } from './audit-outage.ts';
import { bootFederatedWorld, shareWorld } from './federated-world.ts';
import { describeFront } from './front.ts';
import { describeGreedyPeer } from './greedy-peer.ts';
import { describeMisissuance } from './misissuance.ts';
import { describeOffline } from './offline.ts';
import { describeRevoking } from './revoking.ts';
import { describeOverload } from './overload.ts';
import { describePlainStore } from './plain-store.ts';
import { describeRenewal } from './renewal.ts';
import { describeRateLimit } from './rate-limit.ts';
import { describeSearching } from './searching.ts';
import { describeTrustBoundary } from './trust-boundary.ts';
import { describeUnreachableOrRevoked } from './unreachable-or-revoked.ts';

const COMPONENTS = 'Postgres, Valkey, step-ca and nginx';
const world = shareWorld(() => bootFederatedWorld());
afterAll(() => world.end());

describePlainStore(COMPONENTS, world.boot);
describeTrustBoundary(COMPONENTS, world.boot);
describeAsking(COMPONENTS, world.boot);
describeSearching(COMPONENTS, world.boot);
describeAuditEvidence(COMPONENTS, world.boot);
describeAuditOutage(COMPONENTS, world.boot);
describeFront(COMPONENTS, world.boot);
describeMisissuance(COMPONENTS, world.boot);
describeRenewal(COMPONENTS, world.boot);
describeRateLimit(COMPONENTS, world.boot);
describeOffline(COMPONENTS, world.boot);
describeRevoking(COMPONENTS, world.boot);
describeUnreachableOrRevoked(COMPONENTS, world.boot);
describeOverload(COMPONENTS, world.boot);
describeGreedyPeer(
  COMPONENTS,
  world.boot,
  ({ handle }) => handle.state.components.find(({ name }) => name === 'gateway-b')?.pid ?? null,
);
