import { LRUCache } from 'lru-cache';
import type { Deps } from '../../app/deps.ts';
import { signStatement } from '../../protocol/statement.ts';
import type { Caller } from '../read/serve.ts';

const MAX_STATEMENTS = 1_000;

/**
 * What the holder of a revoked grant is told in a signed statement, the one thing it may believe (SPEC M6-7). Signed
 * once a certificate: revoked is final. Null for a grant that is not revoked.
 */
export const createStatements = (
  deps: Pick<Deps, 'keys' | 'clock'>,
): ((caller: Caller) => Promise<string | null>) => {
  const statements = new LRUCache<string, string>({ max: MAX_STATEMENTS });
  return async ({ identity, snapshot: { grant } }) => {
    if (grant?.status !== 'revoked') return null;
    const key = `${grant.id} ${identity.serial}`;
    const known = statements.get(key);
    if (known !== undefined) return known;
    const made = await signStatement(deps.keys.statements, {
      grant_id: grant.id,
      certificate_serial: identity.serial,
      revoked_at: (grant.revokedAt ?? deps.clock.now()).toISOString(),
    });
    statements.set(key, made);
    return made;
  };
};
