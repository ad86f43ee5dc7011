import type { Random, Sealer } from '../../domain/ports/basics.ts';
import type { SecretStore } from '../../domain/ports/sealed.ts';
import type { GatewayKeys } from '../app/deps.ts';
import { createAuditKey, openAuditKey } from '../audit/audit-signer.ts';
import { portableHashing, type Hashing } from '../kernel/mac.ts';
import { loadStatementKey } from '../inbound/revocation/statement-key.ts';

const KEY_BYTES = 32;

interface KeySources {
  readonly secrets: SecretStore;
  readonly sealer: Sealer;
  readonly random: Random;
  /** In JavaScript when absent. */
  readonly hashing?: Hashing;
}

/** What a gateway key is sealed for. */
const gatewaySecretIdentity = (name: string): string => `gateway_secrets/${name}`;

const getOrCreate = async (
  { secrets, sealer }: KeySources,
  name: string,
  make: () => Uint8Array | Promise<Uint8Array>,
): Promise<Uint8Array> => {
  const identity = gatewaySecretIdentity(name);
  const stored =
    (await secrets.get(name)) ??
    // Replicas that start together all keep the key of whoever was first.
    (await secrets.putIfAbsent(name, await sealer.seal(await make(), identity)));
  return sealer.open(stored, identity);
};

/**
 * The gateway's own keys, made at the first start and shared by all replicas.
 *
 * @throws MosaicError `internal` when the sealing key is not the one they were sealed with
 */
export const loadGatewayKeys = async (sources: KeySources): Promise<GatewayKeys> => {
  const { macWith } = sources.hashing ?? portableHashing;
  const random = (): Uint8Array => sources.random.bytes(KEY_BYTES);
  const cursor = await getOrCreate(sources, 'cursor_mac', random);
  const audit = await getOrCreate(sources, 'audit_mac', random);
  const signing = await getOrCreate(sources, 'audit_signing_key', createAuditKey);
  const statements = await loadStatementKey(sources.secrets, sources.sealer);
  return {
    statements,
    cursorMac: macWith(cursor),
    auditMac: macWith(audit),
    auditSigner: await openAuditKey(signing),
    macWith,
  };
};
