import { decideNative } from '../../domain/access/decide.ts';
import { decideWrite, type AuthorizedWrite, type WriteAction } from '../../domain/access/write.ts';
import { MosaicError } from '../../domain/errors.ts';
import type { Page, PageRequest } from '../../domain/ports/page.ts';
import type { Resource, ResourceRow } from '../../domain/resources.ts';
import type { Deps } from '../app/deps.ts';
import type { Actor } from '../kernel/actor.ts';

type Fields = Readonly<Record<string, string | null>>;

export interface NewResource {
  readonly teamId: string | null;
  readonly fields: Fields;
  /** Secret material of a sensitive resource; stored sealed, given back by nothing. */
  readonly secret: string | null;
}

/** What is absent stays as it is; null clears. */
export interface ResourcePatch {
  readonly fields: Fields;
  readonly secret?: string | null;
}

const encoder = new TextEncoder();

const authorize = (actor: Actor, resource: Resource, action: WriteAction): AuthorizedWrite => {
  const decision = decideWrite(actor.principal, resource, action);
  if (!decision.ok) throw new MosaicError(decision.error);
  return decision.value;
};

const seal = async (
  deps: Deps,
  resource: Resource,
  id: string,
  secret: string | null,
): Promise<string | null> =>
  secret === null ? null : deps.sealer.seal(encoder.encode(secret), `${resource}/${id}/secret`);

/** Own personal rows and the rows of the person's teams, newest first. */
export const listRows = async (
  deps: Deps,
  actor: Actor,
  resource: Resource,
  page: PageRequest,
): Promise<Page<ResourceRow>> => {
  const found = await deps.storage.reader.list(decideNative.list(actor.principal, { resource, ...page }));
  return found.admitted ? found.value : { items: [], next: null };
};

/** @throws MosaicError `not_found`, the same for what is not there and for what the person may not see */
export const getRow = async (
  deps: Deps,
  actor: Actor,
  resource: Resource,
  id: string,
): Promise<ResourceRow> => {
  const found = await deps.storage.reader.get(decideNative.get(actor.principal, { resource, id }));
  if (!found.admitted || found.value === null) throw new MosaicError('not_found');
  return found.value;
};

/** @throws MosaicError `not_found` when the person is not a member of the team, or there is none */
export const createRow = async (
  deps: Deps,
  actor: Actor,
  resource: Resource,
  { teamId, fields, secret }: NewResource,
): Promise<ResourceRow> => {
  const write = authorize(actor, resource, 'create');
  const id = deps.ids.uuid();
  const secretSealed = await seal(deps, resource, id, secret);
  const row = await deps.storage.stores.resources.insert(write, {
    id,
    teamId,
    fields,
    secretSealed,
    createdAt: deps.clock.now(),
  });
  if (row === null) throw new MosaicError('not_found', { detail: 'There is no such team among your teams.' });
  return row;
};

/** @throws MosaicError `not_found` */
export const updateRow = async (
  deps: Deps,
  actor: Actor,
  resource: Resource,
  id: string,
  patch: ResourcePatch,
): Promise<ResourceRow> => {
  const write = authorize(actor, resource, 'update');
  const row = await deps.storage.stores.resources.update(write, id, {
    fields: patch.fields,
    ...(patch.secret === undefined ? {} : { secretSealed: await seal(deps, resource, id, patch.secret) }),
    updatedAt: deps.clock.now(),
  });
  if (row === null) throw new MosaicError('not_found');
  return row;
};

/** @throws MosaicError `not_found`; `forbidden` for a team's row that someone else wrote, unless an admin of the team asks */
export const deleteRow = async (deps: Deps, actor: Actor, resource: Resource, id: string): Promise<void> => {
  const outcome = await deps.storage.stores.resources.delete(authorize(actor, resource, 'delete'), id);
  if (outcome === 'absent') throw new MosaicError('not_found');
  if (outcome === 'forbidden') {
    throw new MosaicError('forbidden', {
      detail: 'A team’s row is deleted by its author or an admin of the team.',
    });
  }
};
