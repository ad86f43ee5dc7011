import type { Command } from 'commander';
import { z } from 'zod';
import { apiLeaf, connect, print, type ApiOptions } from '../shell/command.ts';
import type { Io } from '../shell/io.ts';
import { tableOr } from '../render/table.ts';
import { clip, moment, safe } from '../render/text.ts';

const grant = z.looseObject({
  grant_id: z.string(),
  peer: z.string().nullable(),
  user: z.string().nullable(),
  status: z.string(),
  created_at: z.string(),
  revoked_at_authority: z.boolean().nullable(),
});

const answer = z.looseObject({
  status: z.string(),
  epoch: z.number(),
  published_epoch: z.number(),
  questionable_grants: z.array(grant),
  more_grants: z.boolean(),
});

type Answer = z.infer<typeof answer>;

const atAuthority = (revoked: boolean | null): string =>
  revoked === null ? 'not known' : revoked ? 'REVOKED' : 'not revoked';

const render = ({ epoch, questionable_grants: grants, more_grants }: Answer): string => {
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
    `These grants are in force and may have been revoked before the restore. Revoke those that should not be:\n\n${table}${more}`
  );
};

export const addAcceptRestore = (gateway: Command, io: Io): void => {
  apiLeaf(
    gateway,
    'accept-restore',
    'Serve peers again after an older database was restored; revoke first what was revoked since the backup.',
    ['mosaic federation grant list --all', 'mosaic gateway accept-restore'],
  ).action(async (options: ApiOptions) => {
    const api = await connect(io, options);
    const state = await api.post('/api/admin/revocation/accept-restore', {}, answer);
    print(io, options, state, () => render(state));
  });
};
