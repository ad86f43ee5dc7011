import { sameBytes, sha256Hex } from '../../../ca/x509/bytes.ts';
import { readCertificate, type CertificateInfo } from '../../../ca/x509/certificate.ts';
import {
  type CrlFault,
  MAX_CRL_LENGTH,
  openCrl,
  readCrlHead,
  type VerifiedCrl,
} from '../../../ca/x509/crl-read.ts';
import { MAX_LISTS_LENGTH, splitPem } from '../../../ca/x509/pem.ts';
import { readIdentity } from '../../../ca/x509/identity.ts';
import type { Peer } from '../../../domain/ports/peers.ts';
import type { PeerTrust } from '../../../domain/ports/revocation.ts';
import { err, ok, type Result } from '../../../domain/result.ts';
import type { Deps } from '../../app/deps.ts';

/** A list that says which one it is. */
export type NumberedCrl = VerifiedCrl & { readonly number: bigint };

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

/** Why a list was not believed. */
export type ListFault =
  CrlFault | 'not_served' | 'too_large' | 'expired' | 'not_yet_valid' | 'older' | 'no_issuer';

const readBytes = async (response: Response, most: number): Promise<Result<Uint8Array, ListFault>> => {
  const reader = response.body?.getReader();
  if (reader === undefined) return err('not_served');
  const parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > most) {
      await reader.cancel();
      return err('too_large');
    }
    parts.push(value);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return ok(all);
};

/** Where a peer's list is, and by whom it has to be signed: what peers of one gateway have in common. */
export interface ListSource {
  readonly url: string;
  readonly caPem: string | null;
  readonly issuer: CertificateInfo;
  /** SHA-256 of the issuer's key, hexadecimal. */
  readonly signer: string;
  /** Equal for sources whose lists are the same. */
  readonly key: string;
}

/** Over TLS that trusts the pinned authority alone, and without our certificate, which may be the reason to ask. */
const download = async (
  deps: Deps,
  { url, caPem }: Pick<ListSource, 'url' | 'caPem'>,
  most: number,
  stopping: AbortSignal | undefined,
): Promise<Result<Uint8Array, ListFault>> => {
  const client = deps.transport.anonymous(url.startsWith('http:') ? null : caPem);
  try {
    const late = AbortSignal.timeout(deps.settings.peerTimeoutMs);
    const signal = stopping === undefined ? late : AbortSignal.any([late, stopping]);
    const response = await client.fetch(url, { redirect: 'manual', signal });
    if (response.status === 200) return await readBytes(response, most);
    await response.body?.cancel();
    return err('not_served');
  } finally {
    client.close().catch(() => undefined);
  }
};

/** Null for a peer whose certificate or authority cannot be read. */
export const listSourceOf = (peer: Peer, { crlUrl }: Pick<PeerTrust, 'crlUrl'>): ListSource | null => {
  const issuer = issuerOf(peer);
  if (issuer === null || peer.federationUrl === null) return null;
  const { caPem } = peer;
  const url = crlUrl ?? `${peer.federationUrl}/pki/crl`;
  const signer = sha256Hex(issuer.publicKeyInfo);
  return { url, caPem, issuer, signer, key: [url, caPem, signer].join(' ') };
};

const isOf = (issuer: CertificateInfo, der: Uint8Array): boolean => {
  const head = readCrlHead(der);
  return head !== null && sameBytes(head.issuer, issuer.subject);
};

/** All lists of a peer, by whichever of its authorities. */
const downloadAll = async (
  deps: Deps,
  { url, caPem }: ListSource,
  stopping: AbortSignal | undefined,
): Promise<readonly Uint8Array[]> => {
  const all = new URL(url);
  all.searchParams.set('format', 'pem');
  const bytes = await download(deps, { url: all.href, caPem }, MAX_LISTS_LENGTH, stopping);
  const blocks = bytes.ok ? splitPem(new TextDecoder().decode(bytes.value), MAX_LISTS_LENGTH) : bytes;
  return blocks.ok ? blocks.value.map(({ der }) => der) : [];
};

/**
 * The list of the authority that signed our certificate. A peer serves that of the one that issues now; while its
 * authority is replaced, ours may be the other one.
 */
const listOf = async (
  deps: Deps,
  source: ListSource,
  stopping: AbortSignal | undefined,
): Promise<Result<VerifiedCrl, ListFault>> => {
  const der = await download(deps, source, MAX_CRL_LENGTH, stopping);
  if (!der.ok) return der;
  const isList = readCrlHead(der.value) !== null;
  if (!isList || isOf(source.issuer, der.value)) return openCrl(der.value, source.issuer);
  const other = (await downloadAll(deps, source, stopping)).find((one) => isOf(source.issuer, one));
  return other === undefined ? err('foreign') : openCrl(other, source.issuer);
};

/**
 * The list of a source, when the authority that signed our certificate signed it and it is in time.
 * @throws whatever the connection fails with
 */
export const readList = async (
  deps: Deps,
  source: ListSource,
  stopping?: AbortSignal,
): Promise<Result<NumberedCrl, ListFault>> => {
  const found = await listOf(deps, source, stopping);
  if (!found.ok) return found;
  const list = found.value;
  if (list.number === null || list.nextUpdate === null) return err('no_list');
  const now = deps.clock.now().getTime();
  if (list.nextUpdate.getTime() <= now) return err('expired');
  if (list.thisUpdate.getTime() > now + SKEW_MS) return err('not_yet_valid');
  return ok({ ...list, number: list.number });
};

/**
 * Remembers the number of a list; false for one below a number seen before of the same signer: an old list would hide a
 * revocation.
 */
export const isNotOlder = async (
  deps: Deps,
  peerId: string,
  { signer }: ListSource,
  { number }: NumberedCrl,
  seen: Pick<PeerTrust, 'crlSigner' | 'crlNumber'>,
): Promise<boolean> => {
  if (seen.crlSigner === signer && seen.crlNumber === number) return true;
  if (await deps.storage.stores.peerTrust.rememberCrl(peerId, signer, number)) return true;
  deps.log.error('a peer gave an older revocation list (CRL) than before; the older list was not used', {
    alert: 'peer_list_older',
    peer_id: peerId,
    number: number.toString(),
  });
  return false;
};

/**
 * A peer's revocation list, believed only when the authority that signed our certificate signed it, it is in time,
 * and its number is not below one seen before.
 *
 * @throws whatever the connection fails with
 */
export const fetchPeerCrl = async (deps: Deps, peer: Peer): Promise<Result<NumberedCrl, ListFault>> => {
  const trust = await deps.storage.stores.peerTrust.get(peer.id);
  const source = listSourceOf(peer, trust);
  if (source === null) return err('no_issuer');
  const list = await readList(deps, source);
  if (!list.ok) return list;
  return (await isNotOlder(deps, peer.id, source, list.value, trust)) ? list : err('older');
};
