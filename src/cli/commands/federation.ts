import type { Command } from 'commander';
import { group } from '../shell/command.ts';
import type { Io } from '../shell/io.ts';
import { addAudit } from './audit.ts';
import { addFederationStatus } from './federation-status.ts';
import { addGrant } from './grant.ts';
import { addPeer } from './peer.ts';

export const addFederation = (program: Command, io: Io): void => {
  const federation = group(program, 'federation', 'Grants, peers and the audit log.', [
    'mosaic federation grant create --user alice --peer home --scope scope.json',
    'mosaic federation peer list',
  ]);
  addGrant(federation, io);
  addPeer(federation, io);
  addAudit(federation, io);
  addFederationStatus(federation, io);
};
