import { z } from 'zod';
import type { ApiToken, Membership, Team, User } from '../../domain/ports/directory.ts';
import { isUuid } from '../../domain/uuid.ts';

/** Parts that several routes share: what comes in, and how entities go out (snake_case, RFC 3339). */
export const uuid = z.string().refine(isUuid, 'must be a UUID in lower case').meta({ format: 'uuid' });

export const timestamp = z
  .string()
  .meta({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds.' });

/** Unique name of a user, a team or a peer. */
export const handle = z
  .string()
  .regex(/^[a-z0-9._-]{1,100}$/, 'must be 1 to 100 characters of a-z, 0-9, dot, underscore or hyphen');

const CONTROL = String.raw`\u0000-\u001f\u007f-\u009f`;
const SPACE = String.raw`\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff`;
const ONE_LINE = new RegExp(`^[^${CONTROL}${SPACE}](?:[^${CONTROL}]*[^${CONTROL}${SPACE}])?$`);

/** A name for people to read, on one line. */
export const label = z
  .string()
  .min(1)
  .max(100)
  // Written out: engines of other languages know no `\p{Cc}`, and take `\s` for something else.
  .regex(ONE_LINE, 'must be one line that neither starts nor ends with a space');

/** Of a route that takes no query parameter at all. */
export const noQuery = z.strictObject({});

export const idParam = z.strictObject({ id: uuid });

export const userShape = z
  .strictObject({ id: uuid, name: handle, is_admin: z.boolean(), created_at: timestamp })
  .meta({ id: 'User' });

export const teamShape = z
  .strictObject({ id: uuid, name: handle, created_at: timestamp })
  .meta({ id: 'Team' });

export const memberRole = z.enum(['member', 'admin']);

export const memberShape = z
  .strictObject({ team_id: uuid, user_id: uuid, role: memberRole, created_at: timestamp })
  .meta({ id: 'Membership' });

export const tokenAccess = z.enum(['read', 'write']);

const tokenFields = {
  id: uuid,
  user_id: uuid,
  name: label,
  access: tokenAccess,
  created_at: timestamp,
  expires_at: timestamp.nullable(),
  revoked_at: timestamp.nullable(),
};

export const tokenShape = z.strictObject(tokenFields).meta({ id: 'Token' });

export const newTokenShape = z
  .strictObject({
    ...tokenFields,
    text: z.string().meta({ description: 'The token itself. Shown this once.' }),
  })
  .meta({ id: 'NewToken' });

export const showUser = ({ id, name, isAdmin, createdAt }: User): z.infer<typeof userShape> => ({
  id,
  name,
  is_admin: isAdmin,
  created_at: createdAt.toISOString(),
});

export const showTeam = ({ id, name, createdAt }: Team): z.infer<typeof teamShape> => ({
  id,
  name,
  created_at: createdAt.toISOString(),
});

export const showMember = ({ teamId, userId, role, createdAt }: Membership): z.infer<typeof memberShape> => ({
  team_id: teamId,
  user_id: userId,
  role,
  created_at: createdAt.toISOString(),
});

export const showToken = (token: ApiToken): z.infer<typeof tokenShape> => ({
  id: token.id,
  user_id: token.userId,
  name: token.name,
  access: token.access,
  created_at: token.createdAt.toISOString(),
  expires_at: token.expiresAt?.toISOString() ?? null,
  revoked_at: token.revokedAt?.toISOString() ?? null,
});
