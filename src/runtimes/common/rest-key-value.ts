import type { KeyValue, Log } from '../../../domain/ports/basics.ts';
import type { KvConfig } from '../../config/config.ts';
import { createEncryptedKeyValue } from '../../kv/encrypted.ts';
import { createUpstashKeyValue } from '../../kv/upstash.ts';
import { systemClock } from '../../app/wire.ts';

/** What stands between a gateway and a store that other replicas share. */
export interface RestKeyValueParts {
  readonly config: Extract<KvConfig, { type: 'upstash' }>;
  /** 32 bytes; the keys that seal the values are derived from it. */
  readonly sealingKey: Uint8Array;
  readonly log: Log;
}

/**
 * The key-value store of the runtimes without a Valkey client: over REST, on Upstash or our bridge over a Valkey
 * (docs/reference/key-value.md), its values sealed before they leave. Nothing is connected until the first command, and no
 * connection is kept in it, so that it may be made anew for each request.
 *
 * @throws TypeError for an address that can't be used
 */
export const createRestKeyValue = ({ config, sealingKey, log }: RestKeyValueParts): Promise<KeyValue> =>
  createEncryptedKeyValue({
    inner: createUpstashKeyValue({ url: config.url, token: config.token }),
    sealingKey: Uint8Array.from(sealingKey),
    clock: systemClock,
    random: { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) },
    log,
  });
