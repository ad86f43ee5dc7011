import type { z } from 'zod';
import { isUuid } from '../../../domain/uuid.ts';
import { peerAnswer, type PeerAnswer } from './answers.ts';
import type { Api } from './api.ts';
import { CliError, EXIT, usageError } from '../shell/exit.ts';
import { listAll } from './paging.ts';

const absent = (what: string, name: string, remedy: string): CliError =>
  new CliError(EXIT.notFound, { code: 'not_found', title: `There is no ${what} "${name}".`, remedy });

// Not the type guard itself: a text that is no id is still a text.
const isId = (value: string): boolean => isUuid(value);

/** The id behind an id or a unique name in one of the admin lists. */
export const idOf = async (
  api: Api,
  path: string,
  answer: z.ZodType<{ readonly id: string; readonly name: string }>,
  what: string,
  idOrName: string,
): Promise<string> => {
  if (isId(idOrName)) return idOrName;
  const { items } = await listAll(api, path, answer, { all: true });
  const found = items.find(({ name }) => name === idOrName);
  if (found === undefined) throw absent(what, idOrName, `See \`mosaic ${what} list\`.`);
  return found.id;
};

/** A peer by id or name. Names are unique only among one person's peers, or among those that ask us. */
export const findPeer = async (
  api: Api,
  idOrName: string,
  direction?: 'inbound' | 'outbound',
): Promise<string> => {
  if (isId(idOrName)) return idOrName;
  const { items } = await listAll(api, '/api/admin/peers', peerAnswer, { all: true }, { direction });
  const found: readonly PeerAnswer[] = items.filter(({ name }) => name === idOrName);
  const [first, ...others] = found;
  if (first === undefined) throw absent('peer', idOrName, 'See `mosaic federation peer list`.');
  if (others.length > 0) {
    const ids = found.map(({ id, direction }) => `${id} (${direction})`).join(', ');
    throw usageError(`Several peers are called "${idOrName}".`, `Give an id: ${ids}.`);
  }
  return first.id;
};
