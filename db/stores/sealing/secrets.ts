import { eq } from 'drizzle-orm';
import { MosaicError } from '../../../domain/errors.ts';
import type { SecretStore } from '../../../domain/ports/sealed.ts';
import { gatewaySecrets as secrets } from '../../schema/index.ts';
import { unwrapped, type Session } from '../session.ts';

export const createSecretStore = ({ db }: Session): SecretStore => {
  const get = async (name: string): Promise<string | null> =>
    (await db.select({ sealed: secrets.sealed }).from(secrets).where(eq(secrets.name, name)))[0]?.sealed ??
    null;

  return unwrapped<SecretStore>({
    get,
    putIfAbsent: async (name, sealed) => {
      await db.insert(secrets).values({ name, sealed }).onConflictDoNothing();
      const stored = await get(name);
      if (stored === null)
        throw new MosaicError('internal', { cause: new Error('a gateway secret vanished') });
      return stored;
    },
  });
};
