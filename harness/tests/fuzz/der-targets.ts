import { X509Certificate } from 'node:crypto';
import { CertificateRevocationList } from 'pkijs';
import { crlExtension, type CrlIssuer } from '../../../ca/testing/crl.testkit.ts';
import { readCertificate } from '../../../ca/x509/certificate.ts';
import { openCrl, readCrlHead } from '../../../ca/x509/crl-read.ts';
import { readCsr } from '../../../ca/x509/csr.ts';
import { concat, element, integer, oid } from '../../../ca/x509/der-write.ts';
import { assertBounded, DerError, SMALL_DER } from '../../../ca/x509/der-walk.ts';
import { type DerElement, elements, TAG } from '../../../ca/x509/der.ts';
import { derToPem, splitPem } from '../../../ca/x509/pem.ts';
import { bytesOf, certificates, DER_WORDS, lists, requests } from './corpus.ts';
import type { Target } from './fuzz.ts';
import { encodeNode, type Material } from './mutate.ts';

const material = (files: readonly Uint8Array[]): Material => ({ files, words: DER_WORDS, isDer: true });

const same = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

/** What the reader said, or null where it refused as it may. */
const attempt = <T>(work: () => T): T | null => {
  try {
    return work();
  } catch (error) {
    if (error instanceof DerError) return null;
    throw error;
  }
};

type Elements = (bytes: Uint8Array) => readonly DerElement[];

/** @param read for a planted fault; the same for all below */
export const derTarget = async (read: Elements = elements): Promise<Target> => ({
  name: 'DER',
  material: material([...(await certificates()), ...(await requests()), ...(await lists()).files]),
  check: (input) => {
    attempt(() => assertBounded(input, SMALL_DER));
    const found = attempt(() => read(input));
    if (found === null) return;
    // There is one encoding only, so what was read is written the same again.
    const again = concat(found.map(({ tag, content }) => encodeNode({ tag, content })));
    if (!same(again, input)) throw new Error('it took what is not DER');
  },
});

export const certificateTarget = async (read: typeof readCertificate = readCertificate): Promise<Target> => ({
  name: 'certificate',
  material: material(await certificates()),
  check: (input) => {
    const certificate = read(input);
    if (!certificate.ok) return;
    const { serial, notBefore, notAfter } = certificate.value;
    const oracle = new X509Certificate(input);
    if (BigInt(`0x${oracle.serialNumber}`) !== BigInt(`0x${serial}`)) throw new Error('another serial');
    if (oracle.validFromDate.getTime() !== notBefore.getTime()) throw new Error('another beginning');
    if (oracle.validToDate.getTime() !== notAfter.getTime()) throw new Error('another end');
    if (!same(oracle.raw, input)) throw new Error('OpenSSL read less of it');
  },
});

export const requestTarget = async (read: typeof readCsr = readCsr): Promise<Target> => {
  const files = await requests();
  return {
    name: 'certificate request',
    material: material(files),
    check: async (input) => {
      const request = await read(input);
      if (!request.ok) return;
      // All of it is signed, or has one form only: nothing that was changed is what its maker signed.
      if (!files.some((file) => same(file, input))) throw new Error('it took what its key did not sign');
    },
  };
};

const listAround = (tbs: Uint8Array, signature: Uint8Array): Uint8Array => {
  const algorithm = element(TAG.sequence, oid('1.2.840.10045.4.3.2'));
  return element(TAG.sequence, tbs, algorithm, element(TAG.bitString, Uint8Array.of(0), signature));
};

/** The bytes that are signed, in a list around them that this issuer signed. */
const signed = async (issuer: CrlIssuer, tbs: Uint8Array): Promise<Uint8Array> => {
  const scheme = { name: 'ECDSA', hash: 'SHA-256' } as const;
  const raw = new Uint8Array(await crypto.subtle.sign(scheme, issuer.key, new Uint8Array(tbs)));
  return listAround(tbs, element(TAG.sequence, integer(raw.subarray(0, 32)), integer(raw.subarray(32))));
};

const hexOf = (bytes: ArrayBuffer): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/^0+(?=.)/, '');

/** Serials by whether an entry of them is final, as PKI.js reads the list. */
const oracleOf = (der: Uint8Array): ReadonlyMap<string, boolean> => {
  const list = CertificateRevocationList.fromBER(new Uint8Array(der));
  const found = new Map<string, boolean>();
  for (const entry of list.revokedCertificates ?? []) {
    const serial = hexOf(entry.userCertificate.valueBlock.valueHexView.slice().buffer);
    const extensions = entry.crlEntryExtensions?.extensions ?? [];
    if (extensions.some(({ critical, extnID }) => critical && extnID !== '2.5.29.21'))
      throw new Error('it took an unknown critical extension');
    const code = extensions
      .find(({ extnID }) => extnID === '2.5.29.21')
      ?.extnValue.valueBlock.valueHexView.at(-1);
    const isFinal = code === undefined || ![4, 6, 8].includes(code);
    found.set(serial, isFinal || found.get(serial) === true);
  }
  const known = ['2.5.29.20', '2.5.29.28', '2.5.29.35'];
  for (const { critical, extnID } of list.crlExtensions?.extensions ?? [])
    if (extnID === '2.5.29.27' || (critical && !known.includes(extnID)))
      throw new Error('it took an unknown critical extension of the list');
  return found;
};

const MAX_ORACLE_OCTETS = 64 * 1024;

export const listTarget = async (open: typeof openCrl = openCrl): Promise<Target> => {
  const { issuer, files } = await lists();
  const contents = files.map((file) => elements(elements(file)[0]?.content ?? file)[0]?.raw ?? file);
  return {
    name: 'revocation list',
    material: {
      ...material(contents),
      words: [...DER_WORDS, crlExtension('2.5.29.27', Uint8Array.of(2, 1, 1), true)],
    },
    check: async (input) => {
      // What is no list needs no signature to be refused.
      const draft = listAround(input, Uint8Array.of(0));
      const der = readCrlHead(draft) === null ? draft : await signed(issuer, input);
      const list = await open(der, issuer);
      if (!list.ok || der.length > MAX_ORACLE_OCTETS) return;
      const oracle = oracleOf(der);
      const revoked = list.value.revokedAmong(oracle.keys());
      for (const [serial, isFinal] of oracle)
        if (revoked.has(serial) !== isFinal) throw new Error(`another word on ${serial}`);
    },
  };
};

const PEM_WORDS = [
  '\n',
  '\r\n',
  ' ',
  '=',
  '==',
  '-----BEGIN A-----\n',
  '-----END A-----\n',
  '-----',
  'A\n',
  '\u0000',
  'Proc-Type: 4\n',
];

export const pemTarget = async (split: typeof splitPem = splitPem): Promise<Target> => {
  const ders = [...(await certificates()), ...(await requests())];
  const one = ders.map((der) => derToPem(der, 'CERTIFICATE'));
  const sized = [1, 2, 3, 47, 48, 49].map((length) =>
    derToPem(new Uint8Array(length).fill(0xa5), 'X509 CRL'),
  );
  const files = [...one, ...sized, `${sized.join('')}\n${sized.join('\n')}`];
  return {
    name: 'PEM',
    material: { files: files.map(bytesOf), words: PEM_WORDS.map(bytesOf), isDer: false },
    check: (input) => {
      const text = new TextDecoder('latin1').decode(input);
      const blocks = split(text, 16 * 1024 * 1024);
      if (!blocks.ok) return;
      const plain = (pem: string): string => pem.replaceAll(/[\s]/g, '');
      const again = blocks.value
        .map(
          ({ label, der }) =>
            `-----BEGIN ${label}-----${Buffer.from(der).toString('base64')}-----END ${label}-----`,
        )
        .join('');
      if (plain(text) !== plain(again)) throw new Error('it took what is written in another way');
    },
  };
};
