import type { Command } from 'commander';
import { acceptedRestore, renderAcceptedRestore } from '../render/accepted-restore.ts';
import { apiLeaf, connect, print, type ApiOptions } from '../shell/command.ts';
import type { Io } from '../shell/io.ts';

export const addAcceptRestore = (gateway: Command, io: Io): void => {
  apiLeaf(
    gateway,
    'accept-restore',
    'Serve peers again after an older database was restored; revoke first what was revoked since the backup.',
    ['mosaic federation grant list --all', 'mosaic gateway accept-restore'],
  ).action(async (options: ApiOptions) => {
    const api = await connect(io, options);
    const state = await api.post('/api/admin/revocation/accept-restore', {}, acceptedRestore);
    print(io, options, state, () => renderAcceptedRestore(state));
  });
};
