import type { Extension } from 'pkijs';
import {
  commonName,
  extension,
  keyIdentifier,
  leafExtensions,
  rootExtensions,
  signCertificate,
} from '../x509/build.ts';
import { readCertificate } from '../x509/certificate.ts';
import { encodeEntry, signCrl } from '../x509/crl.ts';
import { OID } from '../x509/oids.ts';
import { derToPem } from '../x509/pem.ts';
import type { CrlIssuer } from './crl.testkit.ts';

export interface ForgedExtension {
  readonly oid: string;
  readonly value: Uint8Array;
}

/** What a forged leaf has other than usual. */
export interface ForgedParts {
  readonly subject?: string;
  readonly issuer?: string;
  readonly publicKeyInfo?: Uint8Array;
  readonly purpose?: typeof OID.clientAuth | typeof OID.serverAuth;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Constraints and usage of an authority in place of a leaf's, by object identifier. */
  readonly asAuthority?: readonly string[];
  /** Object identifiers of usual extensions that are left out. */
  readonly without?: readonly string[];
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const DAY_MS = 86_400_000;

const newKey = async () => {
  const { subtle } = crypto;
  const { privateKey, publicKey } = await subtle.generateKey(P256, true, ['sign', 'verify']);
  const publicKeyInfo = new Uint8Array(await subtle.exportKey('spki', publicKey));
  const keyPem = derToPem(new Uint8Array(await subtle.exportKey('pkcs8', privateKey)), 'PRIVATE KEY');
  return { privateKey, publicKeyInfo, keyPem };
};

/** An authority that signs whatever it is told: for certificates ours must never make, and for rogue ones. */
export const createForger = async (name: string) => {
  const root = await newKey();
  const times = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 30 * DAY_MS) };
  const self = { issuer: commonName(name), subject: commonName(name), publicKeyInfo: root.publicKeyInfo };
  const extensions = rootExtensions(root.publicKeyInfo);
  const rootDer = await signCertificate({ ...times, ...self, serial: '1', extensions }, root.privateKey);

  const baseExtensions = (publicKeyInfo: Uint8Array, parts: ForgedParts): readonly Extension[] => {
    const ofRoot = rootExtensions(publicKeyInfo).filter(({ extnID }) => parts.asAuthority?.includes(extnID));
    const purpose = parts.purpose ?? OID.clientAuth;
    const ofLeaf = leafExtensions(publicKeyInfo, keyIdentifier(root.publicKeyInfo), purpose);
    const isLeftOut = (oid: string): boolean => [parts.asAuthority, parts.without].flat().includes(oid);
    return [...ofRoot, ...ofLeaf.filter(({ extnID }) => !isLeftOut(extnID))];
  };

  /** A leaf, for clients unless told otherwise, with these extensions besides the usual ones. */
  const leaf = async (extra: readonly ForgedExtension[], parts: ForgedParts = {}) => {
    const key = await newKey();
    const publicKeyInfo = parts.publicKeyInfo ?? key.publicKeyInfo;
    const draft = {
      serial: '2a',
      issuer: commonName(parts.issuer ?? name),
      subject: commonName(parts.subject ?? 'forged'),
      notBefore: parts.notBefore ?? times.notBefore,
      notAfter: parts.notAfter ?? times.notAfter,
      publicKeyInfo,
      extensions: [
        ...baseExtensions(publicKeyInfo, parts),
        ...extra.map(({ oid, value }) => extension(oid, value)),
      ],
    };
    const der = await signCertificate(draft, root.privateKey);
    return { der, pem: derToPem(der, 'CERTIFICATE'), keyPem: key.keyPem };
  };

  /** A revocation list; a lifetime below zero gives one that has expired. */
  const crl = async (list: {
    readonly number: bigint;
    readonly serials?: readonly string[];
    readonly madeAt?: Date;
    readonly lifetimeMs?: number;
  }): Promise<Uint8Array> => {
    const { number, serials = [], madeAt = new Date(), lifetimeMs = DAY_MS } = list;
    const certificate = readCertificate(rootDer);
    if (!certificate.ok) throw new Error(certificate.error);
    const draft = {
      issuer: certificate.value.subject,
      issuerKeyIdentifier: keyIdentifier(root.publicKeyInfo),
      number,
      thisUpdate: madeAt,
      nextUpdate: new Date(madeAt.getTime() + lifetimeMs),
      entries: serials.map((serial) => encodeEntry({ serial, revokedAt: madeAt })),
    };
    return signCrl(draft, root.privateKey);
  };

  /** Signs as this authority whatever `forgeCrl` is told to put in a list. */
  const crlIssuer: CrlIssuer = {
    subject: new Uint8Array(commonName(name).toSchema().toBER()),
    publicKeyInfo: root.publicKeyInfo,
    key: root.privateKey,
  };

  return { rootPem: derToPem(rootDer, 'CERTIFICATE'), leaf, crl, crlIssuer };
};
