import type { Migration } from './migration.ts';

/**
 * The id of a grant comes from the peer's answer to the enrollment, so a second peer could claim the first one's and was
 * then asked what `x-federation-grant` addressed to the first. Each person has one peer for a grant from now on, whatever
 * that peer's state: a grant is enrolled for once, so nobody else has a claim to its id later.
 *
 * Where there are two already, the authority of the older one keeps the grant, with its newest usable enrollment. The
 * others lose the id and are revoked; `last_failure_code` of such a peer tells its user why.
 */
export const onePeerAGrant: Migration = {
  name: '0025_one_peer_a_grant',
  sql: `
with claims as (
  select id, state, created_at, local_user_id, remote_grant_id, ca_fingerprint,
    first_value(ca_fingerprint) over (partition by local_user_id, remote_grant_id order by created_at, id) as first_authority
  from federation_peers where direction = 'outbound' and remote_grant_id is not null
), ranked as (
  select id, row_number() over (
    partition by local_user_id, remote_grant_id
    order by ca_fingerprint is not distinct from first_authority desc, state <> 'revoked' desc, created_at desc, id
  ) as place
  from claims
)
update federation_peers set state = 'revoked', remote_grant_id = null, last_failure_at = now(), last_failure_code = 'grant_claimed'
where id in (select id from ranked where place > 1);

create unique index federation_peers_outbound_grant_key on federation_peers (local_user_id, remote_grant_id)
  where direction = 'outbound' and remote_grant_id is not null;
`,
};
