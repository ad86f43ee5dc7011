import type { Migration } from './migration.ts';

/**
 * Whose revocation list the remembered number of a peer is of: when a peer's authority is replaced, the next one counts
 * from the start, and its low numbers are no older lists.
 */
export const listSigner: Migration = {
  name: '0015_list_signer',
  sql: `
alter table federation_peer_trust add column crl_signer text;
`,
};
