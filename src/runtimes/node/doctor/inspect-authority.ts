import { X509Certificate } from 'node:crypto';
import { readCrlHead } from '../../../../ca/x509/crl-read.ts';
import { pemToDer } from '../../../../ca/x509/pem.ts';
import type { GatewayConfig, StepCaPlace } from '../../../config/config.ts';
import { within } from '../boot/boot-fault.ts';
import { placeOf, stepCaReason } from '../boot/explain-services.ts';
import { openStepCa, type StepCaFiles, type StepCaVariables } from '../step-ca/step-ca.ts';
import type { ExpiryKind, Finding, Problem } from './finding.ts';
import { problemOf } from './problem-of.ts';

const certificate = (name: string, pem: string): Finding => {
  const { validToDate: notAfter, validFromDate: notBefore } = new X509Certificate(pem);
  return { kind: 'expiry', what: 'authority', name, notAfter, notBefore };
};

export const listExpiry = (what: ExpiryKind, name: string, der: Uint8Array | null): Finding => {
  const info = der === null ? null : readCrlHead(der);
  const [notAfter, notBefore] = [info?.nextUpdate ?? null, info?.thisUpdate ?? null];
  return { kind: 'expiry', what, name, notAfter, notBefore };
};

const expiriesOf = (
  { rootPem, intermediatePem, rootCrlPem }: StepCaFiles,
  suffix: string,
): readonly Finding[] => {
  const rootCrl = pemToDer(rootCrlPem, 'X509 CRL');
  return [
    certificate(`root certificate${suffix}`, rootPem),
    certificate(`intermediate certificate${suffix}`, intermediatePem),
    listExpiry('root-list', `revocation list of the root${suffix}`, rootCrl.ok ? rootCrl.value : null),
  ];
};

const inspectStepCa = async (
  ca: StepCaPlace,
  leafSeconds: number,
  variables: StepCaVariables = 'STEP_CA',
): Promise<readonly Finding[]> => {
  const suffix = variables === 'STEP_CA' ? '' : ' (next)';
  const seen = { kind: 'authority', type: 'step-ca', where: placeOf(ca.url) } as const;
  try {
    const { authority, files, check, close } = await openStepCa(ca, variables);
    const from = performance.now();
    try {
      const faults = await within(check(leafSeconds));
      const ms = Math.round(performance.now() - from);
      const [first] = faults;
      const problem: Problem | null =
        first === undefined
          ? null
          : {
              message: faults.map(({ message }) => message).join('; '),
              remedy: [...new Set(faults.map(({ remedy }) => remedy))].join('; '),
            };
      const crl = problem === null ? await within(authority.crl()) : null;
      const lists = crl === null ? [] : [listExpiry('list', `revocation list${suffix}`, crl.der)];
      return [{ ...seen, ms, problem }, ...expiriesOf(files, suffix), ...lists];
    } catch (error) {
      const ms = Math.round(performance.now() - from);
      return [{ ...seen, ms, problem: stepCaReason(error) }, ...expiriesOf(files, suffix)];
    } finally {
      await close();
    }
  } catch (error) {
    return [{ ...seen, ms: null, problem: problemOf(error) }];
  }
};

/** The embedded authority lives in the database, and the gateway keeps it. */
export const inspectAuthority = async ({ ca, federation }: GatewayConfig): Promise<readonly Finding[]> => {
  if (ca.type === 'embedded')
    return [{ kind: 'authority', type: 'embedded', where: 'the database', ms: null, problem: null }];
  const { leafLifetimeSeconds: seconds } = federation;
  const [first, next] = await Promise.all([
    inspectStepCa(ca, seconds),
    ca.next === null ? [] : inspectStepCa(ca.next, seconds, 'STEP_CA_NEXT'),
  ]);
  return [...first, ...next];
};
