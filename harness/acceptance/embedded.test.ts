import { describeAsking } from './asking.ts';
import { describeAuditEvidence } from './audit-evidence.ts';
import { bootEmbeddedWorld } from './embedded-world.ts';
import { describeOffline } from './offline.ts';
import { describePlainStore } from './plain-store.ts';
import { describeRenewal } from './renewal.ts';
import { describeRateLimit } from './rate-limit.ts';
import { describeSearching } from './searching.ts';
import { describeTrustBoundary } from './trust-boundary.ts';

describePlainStore('the embedded tier', bootEmbeddedWorld);
describeTrustBoundary('the embedded tier', bootEmbeddedWorld);
describeAsking('the embedded tier', bootEmbeddedWorld);
describeRenewal('the embedded tier', bootEmbeddedWorld);
describeRateLimit('the embedded tier', bootEmbeddedWorld);
describeSearching('the embedded tier', bootEmbeddedWorld);
describeOffline('the embedded tier', bootEmbeddedWorld);
describeAuditEvidence('the embedded tier', bootEmbeddedWorld);
