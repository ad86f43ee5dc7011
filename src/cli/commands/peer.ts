import { Option, type Command } from 'commander';
import { anyAnswer, peerAnswer } from '../client/answers.ts';
import { segment } from '../client/api.ts';
import { apiLeaf, connect, group, print, printMore, withPaging, type ApiOptions } from '../shell/command.ts';
import type { Io } from '../shell/io.ts';
import { findPeer } from '../client/lookup.ts';
import { listAll, type PagingOptions } from '../client/paging.ts';
import { renderPeer, renderPeers } from '../render/peers.ts';
import { safe } from '../render/text.ts';
import { addPeerExport } from './peer-export.ts';

const PEERS = '/api/admin/peers';

interface AddOptions extends ApiOptions {
  readonly user: string;
  readonly name?: string;
}

export const addPeer = (federation: Command, io: Io): void => {
  const peer = group(
    federation,
    'peer',
    'Other gateways: outbound peers, which we ask, and inbound peers, which ask us.',
    ['mosaic federation peer list', 'mosaic federation peer show work'],
  );

  apiLeaf(
    peer,
    'add <enrollment-url>',
    'Enroll with another gateway. Makes a key here, gets a certificate there, and trusts only the CA that the URL pins.',
    ["mosaic federation peer add 'https://work.example:8443/enrollment/v1#token=…&ca=sha256:…' --user alice"],
  )
    .requiredOption('--user <user>', 'the local user who may ask this peer (name or id)')
    .option('--name <name>', 'name of the peer here; by default the name it gives itself')
    .action(async (url: string, options: AddOptions) => {
      const { user, name } = options;
      const body = { enrollment_url: url, user, ...(name === undefined ? {} : { name }) };
      const made = await (await connect(io, options)).post(PEERS, body, peerAnswer);
      print(io, options, made, () => renderPeer(made, io.now()));
    });

  withPaging(
    apiLeaf(peer, 'list', 'List peers, newest first.', [
      'mosaic federation peer list',
      'mosaic federation peer list --direction outbound --json',
    ]).addOption(
      new Option('--direction <direction>', 'only those we ask (outbound) or that ask us (inbound)').choices([
        'inbound',
        'outbound',
      ]),
    ),
  ).action(async (options: ApiOptions & PagingOptions & { direction?: string }) => {
    const { direction } = options;
    const listing = await listAll(await connect(io, options), PEERS, peerAnswer, options, { direction });
    print(io, options, listing, () => renderPeers(listing.items, io.now()));
    printMore(io, options, listing.next_cursor);
  });

  apiLeaf(peer, 'show <peer>', 'Show one peer, by name or id.', ['mosaic federation peer show work']).action(
    async (idOrName: string, options: ApiOptions) => {
      const api = await connect(io, options);
      const found = await api.get(`${PEERS}/${segment(await findPeer(api, idOrName))}`, peerAnswer);
      print(io, options, found, () => renderPeer(found, io.now()));
    },
  );

  apiLeaf(peer, 'renew <peer>', 'Renew the certificate of an outbound peer now.', [
    'mosaic federation peer renew work',
  ]).action(async (idOrName: string, options: ApiOptions) => {
    const api = await connect(io, options);
    const id = await findPeer(api, idOrName);
    const renewed = await api.post(`${PEERS}/${segment(id)}/renew`, {}, peerAnswer);
    print(io, options, renewed, () => renderPeer(renewed, io.now()));
  });

  for (const [verb, what] of [
    ['suspend', 'Suspend a peer, by name or id: nothing is answered or asked until it is resumed.'],
    ['resume', 'Resume a suspended peer, by name or id.'],
  ] as const) {
    apiLeaf(peer, `${verb} <peer>`, what, [`mosaic federation peer ${verb} work`]).action(
      async (idOrName: string, options: ApiOptions) => {
        const api = await connect(io, options);
        const id = await findPeer(api, idOrName);
        const changed = await api.post(`${PEERS}/${segment(id)}/${verb}`, {}, peerAnswer);
        print(io, options, changed, () => renderPeer(changed, io.now()));
      },
    );
  }

  apiLeaf(peer, 'remove <peer>', 'Remove a peer, by name or id; what it was granted here is revoked.', [
    'mosaic federation peer remove work',
  ]).action(async (idOrName: string, options: ApiOptions) => {
    const api = await connect(io, options);
    const id = await findPeer(api, idOrName);
    await api.delete(`${PEERS}/${segment(id)}`, anyAnswer);
    print(io, options, { id, removed: true }, () => `Removed peer ${safe(idOrName)}.\n`);
  });

  addPeerExport(peer, io);
};
