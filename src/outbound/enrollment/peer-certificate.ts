import { sameBytes, sha256Hex } from '../../../ca/x509/bytes.ts';
import { readCertificate, type CertificateInfo } from '../../../ca/x509/certificate.ts';
import { readCsr } from '../../../ca/x509/csr.ts';
import { readIdentity } from '../../../ca/x509/identity.ts';
import { derToPem, pemToDer, splitPem } from '../../../ca/x509/pem.ts';
import { verifySignature } from '../../../ca/x509/public-key.ts';
import { err, ok, type Result } from '../../../domain/result.ts';
import type { RenewAnswer } from '../renewal/renew.ts';

/** A certificate that is what was asked for, ready to present. */
export interface AcceptedCertificate {
  /** Leaf and intermediates, without the root: what a client presents. */
  readonly clientCertPem: string;
  readonly caPem: string;
  readonly notAfter: Date;
}

/** Leaf, intermediates, root. */
const MAX_CHAIN = 6;

/**
 * Whether each certificate is signed by the next. It catches an answer that was put together wrongly; whether
 * anyone may connect is decided by OpenSSL in the handshakes and by nothing here.
 */
const isLinked = async (chain: readonly CertificateInfo[]): Promise<boolean> => {
  const links = await Promise.all(
    chain.slice(1).map(async (signer, index) => {
      const signed = chain[index];
      if (signed === undefined || !sameBytes(signed.issuer, signer.subject)) return false;
      const { tbs: data, signature, signatureAlgorithm: algorithm } = signed;
      return verifySignature({ data, signature, algorithm }, signer.publicKeyInfo);
    }),
  );
  return links.every(Boolean);
};

const readAll = (ders: readonly Uint8Array[]): readonly CertificateInfo[] | null => {
  const read = ders.map(readCertificate);
  return read.every((one) => one.ok) ? read.map((one) => one.value) : null;
};

/**
 * Checks what a serving gateway issued before anything is stored: it is over our key, names the grant and subject
 * the answer names, is in time, and its chain ends at the root that was pinned.
 *
 * @param fingerprint the pin of the enrollment URL
 * @returns the failure as a public sentence
 */
export const acceptCertificate = async (
  answer: Omit<RenewAnswer, 'linksPem'>,
  csrPem: string,
  fingerprint: string,
  now: Date,
): Promise<Result<AcceptedCertificate, string>> => {
  const leaf = pemToDer(answer.certificatePem, 'CERTIFICATE');
  const root = pemToDer(answer.caPem, 'CERTIFICATE');
  const rest = splitPem(answer.chainPem);
  const csr = await readCsr(csrPem);
  if (!leaf.ok || !root.ok || !rest.ok || !csr.ok)
    return err('The certificate or its chain is not readable.');
  if (sha256Hex(root.value) !== fingerprint)
    return err('The root certificate in the answer is not the pinned one.');

  const identity = readIdentity(leaf.value);
  if (!identity.ok) return err('The certificate does not identify a grant.');
  const { grantId, subjectUserId, notAfter } = identity.value;
  if (grantId !== answer.grantId) return err('The certificate is for another grant than the answer.');
  if (subjectUserId !== answer.subjectUserId)
    return err('The certificate is for another subject than the answer.');
  if (notAfter <= now) return err('The certificate has expired already.');

  // The chain may or may not repeat the leaf at its start.
  const signers = rest.value.map(({ der }) => der).filter((der) => !sameBytes(der, leaf.value));
  const last = signers.at(-1);
  if (signers.length >= MAX_CHAIN || last === undefined || !sameBytes(last, root.value)) {
    return err('The chain does not end at the pinned authority.');
  }
  const chain = readAll([leaf.value, ...signers]);
  const own = chain?.[0];
  if (chain === null || own === undefined) return err('The certificate or its chain is not readable.');
  if (!sameBytes(own.publicKeyInfo, csr.value.publicKeyInfo))
    return err('The certificate does not hold the public key of this gateway.');
  if (!(await isLinked(chain))) return err('A certificate in the chain is not signed by the one above it.');

  const presented = [leaf.value, ...signers.slice(0, -1)];
  return ok({
    clientCertPem: presented.map((der) => derToPem(der, 'CERTIFICATE')).join(''),
    caPem: derToPem(root.value, 'CERTIFICATE'),
    notAfter,
  });
};
