import { z } from 'zod';
import { tableOr } from './table.ts';
import { clip, moment, safe } from './text.ts';

const grant = z.looseObject({
  grant_id: z.string(),
  peer: z.string().nullable(),
  user: z.string().nullable(),
  status: z.string(),
  created_at: z.string(),
  revoked_at_authority: z.boolean().nullable(),
});

/** The state after a restore was accepted, as the API answers. */
export const acceptedRestore = z.looseObject({
  status: z.string(),
  epoch: z.number(),
  published_epoch: z.number(),
  questionable_grants: z.array(grant),
  more_grants: z.boolean(),
});

/** Nothing proves of these what a peer proves of a grant. */
const ALSO_BACK = `People, memberships and API tokens of the backup are back, too, those that were deleted or revoked since included. Look at:
  mosaic user list
  mosaic token list
  mosaic team list
`;

type Answer = z.infer<typeof acceptedRestore>;

const atAuthority = (revoked: boolean | null): string =>
  revoked === null ? 'not known' : revoked ? 'REVOKED' : 'not revoked';

/** What is served again, and what the backup may have brought back. */
export const renderAcceptedRestore = ({
  epoch,
  questionable_grants: grants,
  more_grants,
}: Answer): string => {
  const table = tableOr(
    'No grant is in force that was made before the loss was known.',
    ['GRANT', 'PEER', 'USER', 'STATE', 'CREATED', 'AT THE AUTHORITY'],
    grants.map((one) => [
      safe(one.grant_id),
      clip(one.peer ?? '-', 40),
      clip(one.user ?? '-', 40),
      safe(one.status),
      moment(one.created_at),
      atAuthority(one.revoked_at_authority),
    ]),
  );
  const more = more_grants
    ? 'There are more grants. List them with: mosaic federation grant list --all\n'
    : '';
  return (
    `Peers are served again, under revocation epoch ${epoch}.\n\n` +
    `These grants are in force and may have been revoked before the restore. Revoke those that should not be:\n\n${table}${more}\n${ALSO_BACK}`
  );
};
