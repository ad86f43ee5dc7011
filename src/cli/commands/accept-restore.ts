import type { Command } from 'commander';
import { z } from 'zod';
import { apiLeaf, connect, print, type ApiOptions } from '../command.ts';
import type { Io } from '../io.ts';

const answer = z.looseObject({ status: z.string(), epoch: z.number(), published_epoch: z.number() });

export const addAcceptRestore = (gateway: Command, io: Io): void => {
  apiLeaf(
    gateway,
    'accept-restore',
    'Serve peers again after an older database was restored; revoke first what was revoked since the backup.',
    ['mosaic federation grant list --all', 'mosaic gateway accept-restore'],
  ).action(async (options: ApiOptions) => {
    const api = await connect(io, options);
    const state = await api.post('/api/admin/revocation/accept-restore', {}, answer);
    print(io, options, state, () => `Peers are served again, under revocation epoch ${state.epoch}.\n`);
  });
};
