import { MosaicError } from '../../domain/errors.ts';
import type { Membership, Team, TeamRole } from '../../domain/ports/directory.ts';
import type { Page, PageRequest } from '../../domain/ports/page.ts';
import type { Stores } from '../../domain/ports/storage.ts';
import type { Deps } from '../app/deps.ts';
import type { Actor } from '../kernel/actor.ts';
import { adminChange, AS_ADMIN } from '../audit/admin-change.ts';

/** @throws MosaicError `conflict` when the name is taken */
export const createTeam = async (
  deps: Deps,
  actor: Actor,
  input: { readonly name: string },
): Promise<Team> => {
  const team: Team = { id: deps.ids.uuid(), name: input.name, createdAt: deps.clock.now() };
  await adminChange(deps, actor, { action: 'team.create', status: 201 }, (stores) =>
    stores.teams.insert(team),
  );
  return team;
};

export const listTeams = (deps: Deps, page: PageRequest): Promise<Page<Team>> =>
  deps.storage.stores.teams.list(page);

/** @throws MosaicError `not_found` */
export const getTeam = async (deps: Deps, id: string): Promise<Team> => {
  const team = await deps.storage.stores.teams.byId(id);
  if (team === null) throw new MosaicError('not_found');
  return team;
};

/** Deletes a team with its memberships and rows. @throws MosaicError `not_found` */
export const deleteTeam = async (deps: Deps, actor: Actor, id: string): Promise<void> => {
  await adminChange(deps, actor, { action: 'team.delete', status: 204 }, async (stores) => {
    if (!(await stores.teams.delete(id))) throw new MosaicError('not_found');
  });
};

const assertTeam = async (stores: Stores, id: string): Promise<void> => {
  if ((await stores.teams.byId(id)) !== null) return;
  throw new MosaicError('not_found', { detail: 'There is no such team.' });
};

/** @throws MosaicError `not_found` */
export const listMembers = (deps: Deps, teamId: string): Promise<readonly Membership[]> =>
  deps.storage.transaction(async (stores) => {
    await assertTeam(stores, teamId);
    return stores.teams.members(teamId);
  }, AS_ADMIN);

/** Makes someone a member, or changes the role; doing it again changes nothing. @throws MosaicError `not_found` */
export const putMember = async (
  deps: Deps,
  actor: Actor,
  input: { readonly teamId: string; readonly userId: string; readonly role: TeamRole },
): Promise<Membership> =>
  adminChange(
    deps,
    actor,
    { action: 'team.member.put', status: 200, subjectUserId: input.userId },
    async (stores) => {
      await assertTeam(stores, input.teamId);
      if ((await stores.users.byId(input.userId)) === null) {
        throw new MosaicError('not_found', { detail: 'There is no such user.' });
      }
      await stores.teams.putMember({ ...input, createdAt: deps.clock.now() });
      const memberships = await stores.teams.membershipsOf(input.userId);
      const membership = memberships.find(({ teamId }) => teamId === input.teamId);
      if (membership === undefined) throw new MosaicError('not_found');
      return membership;
    },
  );

/** @throws MosaicError `not_found` when there is no such membership */
export const removeMember = async (
  deps: Deps,
  actor: Actor,
  teamId: string,
  userId: string,
): Promise<void> => {
  await adminChange(
    deps,
    actor,
    { action: 'team.member.remove', status: 204, subjectUserId: userId },
    async (stores) => {
      if (!(await stores.teams.removeMember(teamId, userId))) throw new MosaicError('not_found');
    },
  );
};
