import { bulkhead, isBulkheadRejectedError } from 'cockatiel';
import { MosaicError } from '../../domain/errors.ts';
import type { Clock, Ids } from '../../domain/ports/basics.ts';
import type {
  CaProbe,
  CertificateAuthority,
  CrlSource,
  IssuedCertificate,
  IssueRequest,
} from '../authority.ts';
import { assertLeafLifetime } from '../lifetime.ts';
import { type SignerMemory, verifyIssued } from '../verify.ts';
import { readCertificate, type CertificateInfo } from '../x509/certificate.ts';
import { readCsr } from '../x509/csr.ts';
import { derToPem, pemToDer } from '../x509/pem.ts';
import { readCrl } from './crl.ts';
import {
  assertHealthy,
  callCa,
  caJson,
  caMessage,
  caUnavailable,
  type CaAnswer,
  type CaEndpoint,
} from './http.ts';
import type { ProvisionerKey } from './provisioner-key.ts';
import { mintToken, type TokenRequest } from './token.ts';

export interface StepCaDeps {
  readonly endpoint: CaEndpoint;
  /** The pinned root, PEM; leaves must chain to it. */
  readonly rootPem: string;
  /** The intermediate that signs, PEM: checked against each answer, and the issuer of the CRL. */
  readonly intermediatePem: string;
  /** CRL of the root, PEM, made at provisioning: OpenSSL wants one for every CA of the chain. */
  readonly rootCrlPem: string;
  /** Signs `peer-client` (mosaic-fed). */
  readonly clientProvisioner: ProvisionerKey;
  /** Signs `front-server` (mosaic-tls). */
  readonly serverProvisioner: ProvisionerKey;
  /** Most calls at once: every signing is two write transactions in the CA. */
  readonly maxConcurrent: number;
  readonly clock: Clock;
  readonly ids: Ids;
}

const MAX_WAITING = 1_000;
/** RFC 5280 section 5.3.1. */
const REASON_CODES = { unspecified: 0, key_compromise: 1, superseded: 4, cessation_of_operation: 5 } as const;

const certificateOf = (
  pem: string,
  what: string,
): { readonly der: Uint8Array; readonly info: CertificateInfo } => {
  const der = pemToDer(pem, 'CERTIFICATE');
  const info = der.ok ? readCertificate(der.value) : der;
  if (!der.ok || !info.ok) throw caUnavailable(`The configured ${what} of step-ca is not a certificate.`);
  return { der: der.value, info: info.value };
};

const chainOf = (answer: CaAnswer): readonly Uint8Array[] => {
  const json = caJson(answer);
  const chain: unknown =
    typeof json === 'object' && json !== null ? Reflect.get(json, 'certChain') : undefined;
  if (!Array.isArray(chain) || chain.length < 2 || chain.length > 4) {
    throw new MosaicError('ca_misissued', { detail: 'step-ca returned no chain.' });
  }
  return chain.map((pem: unknown) => {
    const der = typeof pem === 'string' ? pemToDer(pem, 'CERTIFICATE') : { ok: false as const };
    if (!der.ok)
      throw new MosaicError('ca_misissued', { detail: 'step-ca returned something that is no certificate.' });
    return der.value;
  });
};

/** step-ca refuses a CSR that names what the token does not; that is the requester's fault, all else is the CA's. */
const signingFailure = (answer: CaAnswer): MosaicError =>
  answer.status === 403
    ? new MosaicError('invalid_csr', {
        detail: 'Send a request without names or alternative names.',
        cause: caMessage(answer),
      })
    : caUnavailable(
        answer.status === 401
          ? 'step-ca does not accept the provisioner’s token. Check the provisioner key and the clocks.'
          : 'step-ca refused to sign. Check its template and configuration.',
        caMessage(answer),
      );

const tokenFor = ({ profile }: IssueRequest): Omit<TokenRequest, 'operation' | 'csr'> =>
  profile.kind === 'peer-client'
    ? {
        subject: profile.grantId,
        sans: [],
        claims: { mosaic_grant_id: profile.grantId, mosaic_subject_user_id: profile.subjectUserId },
      }
    : {
        subject: profile.dnsNames[0] ?? profile.ipAddresses[0] ?? 'mosaic-front',
        sans: [...profile.dnsNames, ...profile.ipAddresses],
      };

/** RFC 3339 in whole seconds: certificates know no fractions. */
const wholeSecond = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;

/**
 * smallstep's step-ca as the authority. Whatever it returns is compared with what was asked before anyone uses it,
 * since a CA without our template signs other things without an error.
 */
export const createStepCaAuthority = (deps: StepCaDeps): CertificateAuthority & CrlSource & CaProbe => {
  const intermediate = certificateOf(deps.intermediatePem, 'intermediate');
  certificateOf(deps.rootPem, 'root');
  const gate = bulkhead(deps.maxConcurrent, MAX_WAITING);
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await gate.execute(work);
    } catch (error) {
      throw isBulkheadRejectedError(error)
        ? caUnavailable('Too many certificate requests are in progress.', error)
        : error;
    }
  };
  const { endpoint } = deps;
  const memory: SignerMemory = { last: null };

  const issue = async (request: IssueRequest): Promise<IssuedCertificate> => {
    assertLeafLifetime(request);
    const csr = await readCsr(request.csr);
    if (!csr.ok) throw new MosaicError('invalid_csr', { detail: `${csr.error}.` });
    const provisioner =
      request.profile.kind === 'peer-client' ? deps.clientProvisioner : deps.serverProvisioner;
    const body = {
      csr: derToPem(csr.value.der, 'CERTIFICATE REQUEST'),
      notBefore: wholeSecond(request.notBefore),
      notAfter: wholeSecond(request.notAfter),
    };
    // In turn is only what keeps the CA busy: what comes before and after is done while others are there.
    const answer = await inTurn(async () => {
      const ott = await mintToken(
        endpoint.url,
        provisioner,
        { operation: 'sign', csr: csr.value.der, ...tokenFor(request) },
        deps,
      );
      return callCa(endpoint, '/1.0/sign', { ...body, ott });
    });
    if (answer.status !== 201) throw signingFailure(answer);
    const [der, ...intermediates] = chainOf(answer);
    if (der === undefined) throw new MosaicError('ca_misissued', { detail: 'step-ca returned no chain.' });
    const asked = { ...request, csr: csr.value };
    const checked = await verifyIssued(asked, der, deps.rootPem, intermediates, memory);
    const chainPem = [...intermediates.map((one) => derToPem(one, 'CERTIFICATE')), deps.rootPem].join('');
    const { serial, fingerprint, notBefore, notAfter } = checked;
    return { pem: derToPem(der, 'CERTIFICATE'), der, chainPem, serial, fingerprint, notBefore, notAfter };
  };

  return {
    kind: 'step-ca',
    rootPem: () => Promise.resolve(deps.rootPem),
    issue,
    revoke: (serial, reason) =>
      inTurn(async () => {
        // Decimal: an all-digit hexadecimal serial without prefix would name another certificate.
        const decimal = BigInt(`0x${serial}`).toString();
        const token = await mintToken(
          endpoint.url,
          deps.clientProvisioner,
          { operation: 'revoke', subject: decimal },
          deps,
        );
        const answer = await callCa(endpoint, '/1.0/revoke', {
          serial: decimal,
          ott: token,
          reasonCode: REASON_CODES[reason],
          reason,
          passive: true,
        });
        if (answer.status === 200) return;
        const cause = caMessage(answer);
        if (answer.status === 400 && cause.message.includes('already revoked')) return;
        throw caUnavailable('step-ca did not record the revocation.', cause);
      }),
    ping: () => assertHealthy(endpoint),
    crl: async () => {
      const answer = await callCa(endpoint, '/1.0/crl');
      if (answer.status !== 200)
        throw caUnavailable(
          'step-ca serves no revocation list (CRL). Enable the CRL in its configuration.',
          caMessage(answer),
        );
      return readCrl(answer.body, intermediate.info, deps.rootCrlPem);
    },
  };
};
