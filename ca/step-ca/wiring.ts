import type { Clock, Ids } from '../../domain/ports/basics.ts';
import { makeKeyMaker } from '../x509/request.ts';
import { readCsr } from '../x509/csr.ts';
import { callCa, caJson, caMessage, type CaEndpoint } from './http.ts';
import type { ProvisionerKey } from './provisioner-key.ts';
import { mintToken } from './token.ts';

export interface WiringParts {
  readonly endpoint: CaEndpoint;
  readonly clientProvisioner: ProvisionerKey;
  readonly serverProvisioner: ProvisionerKey;
  /** Longest certificate the gateway will ask for. */
  readonly leafLifetimeSeconds: number;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** Something about a step-ca that would only show later, at somebody's enrollment. */
export interface WiringFault {
  readonly message: string;
  readonly remedy: string;
}

interface Provisioner {
  readonly name: string;
  readonly kid: string;
  readonly maxSeconds: number | null;
  readonly isRenewalOff: boolean;
}

const PROVISION =
  'provision it with infra/step-ca/provision.sh, or correct its config/ca.json and restart it';
const KEYS =
  'give the gateway the keys of this step-ca: its folder gateway/ (STEP_CA_PROVISIONER_KEY_JSON_FILE, STEP_CA_TLS_PROVISIONER_KEY_JSON_FILE)';
/** Go's notation, for example `8760h0m0s`. */
const GO_DURATION = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/;

const goSeconds = (text: unknown): number | null => {
  const match = typeof text === 'string' && text !== '' ? GO_DURATION.exec(text) : null;
  if (match === null) return null;
  const [hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return hours * 3600 + minutes * 60 + seconds;
};

const property = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (here, key) => (typeof here === 'object' && here !== null ? Reflect.get(here, key) : undefined),
    value,
  );

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Reads `GET /provisioners`. @returns null for an answer of another form */
export const readProvisioners = (json: unknown): readonly Provisioner[] | null => {
  const list = property(json, 'provisioners');
  if (!Array.isArray(list)) return null;
  return list.map((one: unknown) => ({
    name: textOf(property(one, 'name')),
    kid: textOf(property(one, 'key', 'kid')),
    maxSeconds: goSeconds(property(one, 'claims', 'maxTLSCertDuration')),
    isRenewalOff: property(one, 'claims', 'disableRenewal') === true,
  }));
};

/** What is wrong with a CA's provisioners, as far as it tells of them. */
export const provisionerFaults = (
  provisioners: readonly Provisioner[],
  { clientProvisioner, serverProvisioner, leafLifetimeSeconds }: WiringParts,
): readonly WiringFault[] =>
  [clientProvisioner, serverProvisioner].flatMap(({ name, kid }): WiringFault[] => {
    const found = provisioners.filter((one) => one.name === name);
    const ours = found.find((one) => one.kid === kid);
    if (found.length === 0) return [{ message: `it has no provisioner ${name}`, remedy: PROVISION }];
    if (ours === undefined)
      return [{ message: `its provisioner ${name} has another key than the gateway`, remedy: KEYS }];
    const faults: WiringFault[] = [];
    if (!ours.isRenewalOff) {
      const message = `its provisioner ${name} lets certificates be renewed past a revocation`;
      faults.push({ message, remedy: `set "disableRenewal": true in its claims; ${PROVISION}` });
    }
    if (
      name === clientProvisioner.name &&
      ours.maxSeconds !== null &&
      ours.maxSeconds < leafLifetimeSeconds
    ) {
      const message = `its provisioner ${name} signs for ${ours.maxSeconds} s at most, and federation.leaf_lifetime is ${leafLifetimeSeconds} s`;
      faults.push({
        message,
        remedy: 'raise maxTLSCertDuration in its claims, or lower FEDERATION_LEAF_LIFETIME',
      });
    }
    return faults;
  });

const checkProvisioners = async (parts: WiringParts): Promise<readonly WiringFault[]> => {
  // Its default page has 20, and more than 100 it does not give at once.
  const answer = await callCa(parts.endpoint, '/provisioners?limit=100');
  const provisioners = answer.status === 200 ? readProvisioners(caJson(answer)) : null;
  if (provisioners === null)
    return [
      { message: 'it does not tell its provisioners', remedy: 'check STEP_CA_URL: is that a step-ca?' },
    ];
  return provisionerFaults(provisioners, parts);
};

/**
 * Whether the template is applied: it refuses a token without our claims, and a CA that lost it signs one. So nothing
 * is ever issued by a CA that is set up as it should be.
 */
const checkTemplate = async (parts: WiringParts): Promise<readonly WiringFault[]> => {
  const { csrPem } = await makeKeyMaker().keyAndCsr();
  const csr = await readCsr(csrPem);
  if (!csr.ok) throw new Error(csr.error);
  const request = { operation: 'sign', csr: csr.value.der, subject: 'wiring-check', sans: [] } as const;
  const ott = await mintToken(parts.endpoint.url, parts.clientProvisioner, request, parts);
  const answer = await callCa(parts.endpoint, '/1.0/sign', { csr: csrPem, ott });
  if (answer.status === 201) {
    const message = 'it signs without the template of mosaic-fed: certificates would name no grant';
    return [{ message, remedy: `set options.x509.templateFile of mosaic-fed; ${PROVISION}` }];
  }
  if (answer.status === 401) {
    const message = 'it does not accept the gateway’s tokens';
    const remedy = `${KEYS}; compare the clocks of both machines; the host in STEP_CA_URL must be one of its dnsNames`;
    return [{ message, remedy }];
  }
  if (answer.status === 400 && caMessage(answer).message.includes('mosaic_grant_id')) return [];
  return [{ message: `it cannot sign (status ${answer.status})`, remedy: `read its log; ${PROVISION}` }];
};

/**
 * At every boot: whether this step-ca is the one the gateway was made for. Two calls, at once.
 * @returns what is wrong, nothing when all is well
 * @throws MosaicError `ca_unavailable` when it can't be reached in time
 */
export const checkWiring = async (parts: WiringParts): Promise<readonly WiringFault[]> => {
  const [provisioners, template] = await Promise.all([checkProvisioners(parts), checkTemplate(parts)]);
  // A wrong key shows twice; the first says more.
  return provisioners.length > 0 ? provisioners : template;
};
