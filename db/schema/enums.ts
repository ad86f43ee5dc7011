import { pgEnum } from 'drizzle-orm/pg-core';
import { GRANT_STATUSES } from '../../domain/grants/grant.ts';
import { PEER_STATES } from '../../domain/peers/peer.ts';
import { TASK_STATUSES } from '../../domain/resources.ts';

export const teamRole = pgEnum('team_role', ['member', 'admin']);
export const tokenAccess = pgEnum('token_access', ['read', 'write']);
export const taskStatus = pgEnum('task_status', TASK_STATUSES);
export const peerDirection = pgEnum('peer_direction', ['inbound', 'outbound']);
export const peerState = pgEnum('peer_state', PEER_STATES);
export const grantStatus = pgEnum('grant_status', GRANT_STATUSES);
export const certificateStatus = pgEnum('certificate_status', ['requested', 'issued', 'failed', 'revoked']);
export const auditOutcome = pgEnum('audit_outcome', ['allowed', 'denied', 'error']);
export const auditGapKind = pgEnum('audit_gap_kind', ['gap', 'lost_tail']);
