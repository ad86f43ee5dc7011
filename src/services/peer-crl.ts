import { sameBytes, sha256Hex } from '../../ca/x509/bytes.ts';
import { readCertificate, type CertificateInfo } from '../../ca/x509/certificate.ts';
import { readCrlList, type ParsedCrl } from '../../ca/x509/crl.ts';
import { MAX_LISTS_LENGTH, splitPem } from '../../ca/x509/pem.ts';
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

const readBytes = async (response: Response, most: number): Promise<Uint8Array | null> => {
  const reader = response.body?.getReader();
  if (reader === undefined) return null;
  const parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > most) {
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
const download = async (deps: Deps, peer: Peer, url: string, most: number): Promise<Uint8Array | null> => {
  const client = deps.transport.anonymous(url.startsWith('http:') ? null : peer.caPem);
  try {
    const signal = AbortSignal.timeout(deps.settings.peerTimeoutMs);
    const response = await client.fetch(url, { redirect: 'manual', signal });
    if (response.status === 200) return await readBytes(response, most);
    await response.body?.cancel();
    return null;
  } finally {
    client.close().catch(() => undefined);
  }
};

/** All lists of a peer, by whichever of its authorities. */
const downloadAll = async (deps: Deps, peer: Peer, url: string): Promise<readonly ParsedCrl[]> => {
  const all = new URL(url);
  all.searchParams.set('format', 'pem');
  const bytes = await download(deps, peer, all.href, MAX_LISTS_LENGTH);
  const blocks = bytes === null ? null : splitPem(new TextDecoder().decode(bytes), MAX_LISTS_LENGTH);
  return (blocks?.ok === true ? blocks.value : []).flatMap(({ der }) => readCrlList(der) ?? []);
};

/**
 * The list of the authority that signed our certificate. A peer serves that of the one that issues now; while its
 * authority is replaced, ours may be the other one.
 */
const listOf = async (deps: Deps, peer: Peer, issuer: CertificateInfo): Promise<ParsedCrl | null> => {
  const { crlUrl } = await deps.storage.stores.peerTrust.get(peer.id);
  const url = crlUrl ?? `${peer.federationUrl ?? ''}/pki/crl`;
  const isOurs = (list: ParsedCrl): boolean => sameBytes(list.issuer, issuer.subject);
  const der = await download(deps, peer, url, MAX_LIST_BYTES);
  const list = der === null ? null : readCrlList(der);
  if (list === null || isOurs(list)) return list;
  return (await downloadAll(deps, peer, url)).find(isOurs) ?? null;
};

/**
 * A peer's revocation list, believed only when the authority that signed our certificate signed it, it is in time,
 * and its number is not below one seen before of that authority: an old list would hide a revocation. Null for anything
 * else.
 *
 * @throws whatever the connection fails with
 */
export const fetchPeerCrl = async (deps: Deps, peer: Peer): Promise<ParsedCrl | null> => {
  const issuer = issuerOf(peer);
  if (issuer === null || peer.federationUrl === null) return null;
  const list = await listOf(deps, peer, issuer);
  if (list === null || list.number === null || list.nextUpdate === null) return null;
  const now = deps.clock.now().getTime();
  if (list.nextUpdate.getTime() <= now || list.thisUpdate.getTime() > now + SKEW_MS) return null;
  if (!(await list.isSignedBy(issuer.publicKeyInfo))) return null;
  const signer = sha256Hex(issuer.publicKeyInfo);
  if (await deps.storage.stores.peerTrust.rememberCrl(peer.id, signer, list.number)) return list;
  deps.log.error('a peer gave an older revocation list than before; it was not used', {
    alert: 'peer_list_older',
    peer_id: peer.id,
    number: list.number.toString(),
  });
  return null;
};
