import type { Sealer } from '../../../domain/ports/basics.ts';
import type { SecretStore } from '../../../domain/ports/sealed.ts';
import type { StatementKey } from '../../app/deps.ts';
import { readPublicJwk } from '../../protocol/statement.ts';

const NAME = 'statement_key';
const IDENTITY = `gateway_secrets/${NAME}`;
const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/**
 * The key this gateway signs statements about revocations with: P-256, made at the first start, sealed, the same on
 * all replicas. It is not the CA's: that one may be somewhere else and sign nothing for us but certificates.
 *
 * @throws MosaicError `internal` when the sealing key is not the one it was sealed with
 */
export const loadStatementKey = async (secrets: SecretStore, sealer: Sealer): Promise<StatementKey> => {
  const { subtle } = globalThis.crypto;
  const make = async (): Promise<string> => {
    const { privateKey } = await subtle.generateKey(P256, true, ['sign', 'verify']);
    const jwk = JSON.stringify(await subtle.exportKey('jwk', privateKey));
    return sealer.seal(new TextEncoder().encode(jwk), IDENTITY);
  };
  const sealed = (await secrets.get(NAME)) ?? (await secrets.putIfAbsent(NAME, await make()));
  const jwk = JSON.parse(new TextDecoder().decode(await sealer.open(sealed, IDENTITY))) as JsonWebKey;
  const publicJwk = readPublicJwk(jwk);
  if (publicJwk === null) throw new TypeError('the stored statement key is not a P-256 key');
  const key = await subtle.importKey('jwk', jwk, P256, false, ['sign']);
  return {
    publicJwk,
    sign: async (text) =>
      new Uint8Array(
        await subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key, new TextEncoder().encode(text)),
      ),
  };
};
