import { isUuid } from '../../../domain/uuid.ts';
import { ConfigError, type ConfigIssue } from '../../config/issues.ts';

/** A binding of the deployment that presents one grant's client certificate, as the operator declares it. */
export interface PeerBinding {
  /** Its name in the worker's environment. */
  readonly name: string;
  /** SHA-256 of the one root it trusts, lower-case hexadecimal. */
  readonly caFingerprint: string;
  /** Of a binding that trusts the same root and presents no certificate, for the peer's revocation list; null: there is none. */
  readonly lists: string | null;
}

/** By grant id: names of peers are each person's own, and one certificate belongs to one grant. */
export type PeerBindings = ReadonlyMap<string, PeerBinding>;

/** The worker's variable that maps grants to bindings. */
export const PEER_BINDINGS = 'MOSAIC_PEER_BINDINGS';

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,99}$/;
const FINGERPRINT = /^sha256:([0-9a-f]{64})$/;
const ENTRY =
  '{"<grant id>": {"binding": "<name>", "ca": "sha256:<64 hexadecimal digits>"}}, and "lists": "<name>" where the peer’s list needs a binding';
const KEYS: readonly string[] = ['binding', 'ca', 'lists'];

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

const readEntry = (value: unknown): PeerBinding | null => {
  if (!isObject(value) || Object.keys(value).some((key) => !KEYS.includes(key))) return null;
  const { binding: name, ca, lists = null } = value;
  if (lists !== null && (typeof lists !== 'string' || !NAME.test(lists))) return null;
  const caFingerprint = typeof ca === 'string' ? FINGERPRINT.exec(ca)?.[1] : undefined;
  if (typeof name !== 'string' || !NAME.test(name) || caFingerprint === undefined) return null;
  return { name, caFingerprint, lists };
};

/**
 * Reads `MOSAIC_PEER_BINDINGS`: a JSON object, or its text.
 * @returns an empty map when it is absent
 * @throws ConfigError naming every entry that is wrong, and a binding that two grants share
 */
export const readPeerBindings = (given: unknown): PeerBindings => {
  const document = typeof given === 'string' ? parse(given) : (given ?? {});
  const issue = (path: string, message: string): ConfigIssue => ({ path, message, expected: ENTRY });
  if (!isObject(document)) throw new ConfigError([issue(PEER_BINDINGS, 'is not a JSON object')]);
  const issues: ConfigIssue[] = [];
  const bindings = new Map<string, PeerBinding>();
  const used = new Set<string>();
  for (const [grantId, value] of Object.entries(document)) {
    const path = `${PEER_BINDINGS}.${grantId}`;
    const entry = readEntry(value);
    if (!isUuid(grantId) || entry === null) issues.push(issue(path, 'is not valid'));
    else if (used.has(entry.name)) issues.push(issue(path, `names ${entry.name}, which is another grant’s`));
    else {
      used.add(entry.name);
      bindings.set(grantId, entry);
    }
  }
  if (issues.length > 0) throw new ConfigError(issues);
  return bindings;
};
