import { openPostgresStorage } from '../../../../db/connect/postgres.ts';
import { checkSealingKey } from '../../../../db/sealing/seal-check.ts';
import { createSealer, sealingKeys } from '../../../../db/sealing/seal.ts';
import { MosaicError } from '../../../../domain/errors.ts';
import type { Sealer } from '../../../../domain/ports/basics.ts';
import type { Peer } from '../../../../domain/ports/peers.ts';
import type { GatewayConfig } from '../../../config/config.ts';
import { databaseSources } from '../boot/database-address.ts';
import { databaseUrlsOf } from '../../../config/settings.ts';
import { clientKeyIdentity } from '../../../outbound/client/clients.ts';
import { changeEntry } from '../../../audit/audit.ts';
import { systemClock } from '../../../app/wire.ts';

/** What a deployment on Workers needs in order to ask one peer: the material of its binding, and the entry that maps it. */
export interface ExportedPeer {
  readonly peer: string;
  readonly grantId: string;
  readonly federationUrl: string;
  readonly notAfter: Date | null;
  /** SHA-256 of the pinned root, lower-case hexadecimal. */
  readonly caFingerprint: string;
  readonly caPem: string;
  /** Leaf and intermediates. */
  readonly certPem: string;
  /** PKCS#8. */
  readonly keyPem: string;
}

const read = async (peer: Peer | null, sealer: Sealer): Promise<ExportedPeer> => {
  if (peer === null) throw new MosaicError('not_found', { detail: 'There is no such peer.' });
  const { name, remoteGrantId, federationUrl, caFingerprint, caPem, clientCertPem, clientKeyPemSealed } =
    peer;
  const parts = { remoteGrantId, federationUrl, caFingerprint, caPem, clientCertPem, clientKeyPemSealed };
  if (Object.values(parts).includes(null)) {
    throw new MosaicError('conflict', {
      detail:
        'This gateway has no certificate for that peer. Only a peer that is outbound and enrolled has one.',
    });
  }
  const key = await sealer.open(clientKeyPemSealed ?? '', clientKeyIdentity(peer.id));
  return {
    peer: name,
    grantId: remoteGrantId ?? '',
    federationUrl: federationUrl ?? '',
    notAfter: peer.certificateNotAfter,
    caFingerprint: caFingerprint ?? '',
    caPem: caPem ?? '',
    certPem: clientCertPem ?? '',
    keyPem: new TextDecoder().decode(key),
  };
};

/**
 * Opens the certificate and key of a peer that this gateway asks, with the configuration's own database and sealing
 * key: for whoever deploys on Workers, where a key must be a binding. Not a route, so that no API token is worth a key.
 * Leaves an audit entry.
 *
 * @throws MosaicError `not_found`, `conflict` for a peer that is not asked, `unavailable` for the wrong key or tier local
 */
export const exportPeer = async (config: GatewayConfig, peerId: string): Promise<ExportedPeer> => {
  const { sealingKey: key } = config;
  const urls = databaseUrlsOf({ ...config, isMigrating: false });
  if (urls === null || key === null) {
    const detail =
      'Tier local keeps its database to itself: only a gateway on Postgres has replicas on Workers.';
    throw new MosaicError('unavailable', { detail });
  }
  const sealer = createSealer(await sealingKeys(key, config.olderSealingKeys));
  const storage = await openPostgresStorage({
    ...config.database,
    ...databaseSources(urls, config.database),
    isShortLived: true,
  });
  try {
    await checkSealingKey(storage.stores.secrets, sealer);
    return await storage.transaction(async (stores) => {
      const exported = await read(await stores.peers.byId(peerId), sealer);
      const author = { principal: null, traceId: null };
      const ids = { uuid: () => crypto.randomUUID() };
      const change = { verb: 'admin', action: 'peer.export', status: 200, peerId } as const;
      await stores.audit.insertMany([changeEntry({ ids, clock: systemClock }, author, change)]);
      return exported;
    });
  } finally {
    await storage.close();
  }
};
