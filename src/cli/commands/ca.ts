import { Argument, type Command } from 'commander';
import { authorityAnswer, type AuthorityAnswer } from '../client/answers.ts';
import { apiLeaf, connect, group, print, type ApiOptions } from '../shell/command.ts';
import type { Io } from '../shell/io.ts';
import { facts } from '../render/table.ts';
import { moment, safe } from '../render/text.ts';

const AUTHORITY = '/api/admin/authority';

const WAITS: Readonly<Record<string, string>> = {
  announced: 'grants whose holder does not know the new root yet (they learn of it when they renew)',
  switched: 'good certificates of the old root',
};

const render = (authority: AuthorityAnswer): string =>
  facts([
    ['authority', safe(authority.kind)],
    ['root', safe(authority.phase)],
    ['announced', authority.announced_at ? moment(authority.announced_at) : '-'],
    ['switched', authority.switched_at ? moment(authority.switched_at) : '-'],
    ...authority.roots.map(({ fingerprint, not_after: until, use }): [string, string] => [
      `root, ${safe(use)}`,
      `sha256:${safe(fingerprint)} until ${until ? moment(until) : '-'}`,
    ]),
    ['waiting for', `${authority.waiting_for} ${WAITS[authority.phase] ?? ''}`.trim()],
  ]);

export const addCa = (program: Command, io: Io): void => {
  const ca = group(program, 'ca', 'The certificate authority of this gateway.', [
    'mosaic ca status',
    'mosaic ca roll announce',
  ]);

  apiLeaf(ca, 'status', 'Show the state of a replacement of the root.', ['mosaic ca status --json']).action(
    async (options: ApiOptions) => {
      const authority = await (await connect(io, options)).get(AUTHORITY, authorityAnswer);
      print(io, options, authority, () => render(authority));
    },
  );

  apiLeaf(ca, 'roll', 'Take the next step of replacing the root of the authority.', [
    'mosaic ca roll announce',
    'mosaic ca roll switch',
    'mosaic ca roll retire',
  ])
    .addArgument(
      new Argument(
        '<step>',
        'announce: tell peers of a new root (with step-ca: that of ca.next); switch: issue with the new root; retire: end the old root',
      ).choices(['announce', 'switch', 'retire']),
    )
    .option('--force', 'take the step even if it cuts off peers, which must then enroll again')
    .action(async (step: string, options: ApiOptions & { readonly force?: boolean }) => {
      const body = { step, force: options.force === true };
      const authority = await (await connect(io, options)).post(`${AUTHORITY}/roll`, body, authorityAnswer);
      print(io, options, authority, () => render(authority));
    });
};
