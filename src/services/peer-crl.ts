import { sameBytes } from '../../ca/x509/bytes.ts';
import { readCertificate, type CertificateInfo } from '../../ca/x509/certificate.ts';
import { readCrlList, type ParsedCrl } from '../../ca/x509/crl.ts';
import { splitPem } from '../../ca/x509/pem.ts';
import { readIdentity } from '../../ca/x509/identity.ts';
import type { Peer } from '../../domain/ports/federation.ts';
import type { Deps } from '../deps.ts';

/** 100,000 entries. */
const MAX_LIST_BYTES = 8 * 1024 * 1024;
/** For clocks that differ. */
const SKEW_MS = 5 * 60_000;

const derOf = (pem: string | null): readonly Uint8Array[] => {
  const blocks = splitPem(pem ?? '');
  return blocks.ok ? blocks.value.map(({ der }) => der) : [];
};

/** Serial of the certificate we present to a peer, lower-case hexadecimal. */
export const ownSerial = ({ clientCertPem }: Pick<Peer, 'clientCertPem'>): string | null => {
  const [leaf] = derOf(clientCertPem);
  const identity = leaf === undefined ? null : readIdentity(leaf);
  return identity?.ok === true ? identity.value.serial : null;
};

/** Who signed our certificate: of the chain that was pinned and checked link by link when we enrolled. */
const issuerOf = ({ clientCertPem, caPem }: Peer): CertificateInfo | null => {
  const [leaf, ...signers] = [...derOf(clientCertPem), ...derOf(caPem)].map(readCertificate);
  if (leaf?.ok !== true) return null;
  const issuer = signers.find((one) => one.ok && sameBytes(one.value.subject, leaf.value.issuer));
  return issuer?.ok === true ? issuer.value : null;
};

const readBytes = async (response: Response): Promise<Uint8Array | null> => {
  const reader = response.body?.getReader();
  if (reader === undefined) return null;
  const parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > MAX_LIST_BYTES) {
      await reader.cancel();
      return null;
    }
    parts.push(value);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
};

/** Over TLS that trusts the pinned authority alone, and without our certificate, which may be the reason to ask. */
const download = async (deps: Deps, peer: Peer, url: string): Promise<Uint8Array | null> => {
  const client = deps.transport.anonymous(url.startsWith('http:') ? null : peer.caPem);
  try {
    const signal = AbortSignal.timeout(deps.settings.peerTimeoutMs);
    const response = await client.fetch(url, { redirect: 'manual', signal });
    if (response.status === 200) return await readBytes(response);
    await response.body?.cancel();
    return null;
  } finally {
    client.close().catch(() => undefined);
  }
};

/**
 * A peer's revocation list, believed only when the authority that signed our certificate signed it, it is in time,
 * and its number is not below one seen before: an old list would hide a revocation. Null for anything else.
 *
 * @throws whatever the connection fails with
 */
export const fetchPeerCrl = async (deps: Deps, peer: Peer): Promise<ParsedCrl | null> => {
  const { peerTrust } = deps.storage.stores;
  const { crlUrl } = await peerTrust.get(peer.id);
  const issuer = issuerOf(peer);
  if (issuer === null || peer.federationUrl === null) return null;
  const der = await download(deps, peer, crlUrl ?? `${peer.federationUrl}/pki/crl`);
  const list = der === null ? null : readCrlList(der);
  if (list === null || list.number === null || list.nextUpdate === null) return null;
  const now = deps.clock.now().getTime();
  if (list.nextUpdate.getTime() <= now || list.thisUpdate.getTime() > now + SKEW_MS) return null;
  if (!sameBytes(list.issuer, issuer.subject) || !(await list.isSignedBy(issuer.publicKeyInfo))) return null;
  if (await peerTrust.rememberCrl(peer.id, list.number)) return list;
  deps.log.error('a peer gave an older revocation list than before; it was not used', {
    alert: 'peer_list_older',
    peer_id: peer.id,
    number: list.number.toString(),
  });
  return null;
};
