import { Option, type Command } from 'commander';
import { z } from 'zod';
import { anyAnswer, memberAnswer, teamAnswer, userAnswer } from '../client/answers.ts';
import { segment, type Api } from '../client/api.ts';
import { apiLeaf, connect, group, print, printMore, withPaging, type ApiOptions } from '../shell/command.ts';
import type { Io } from '../shell/io.ts';
import { idOf } from '../client/lookup.ts';
import { listAll, type PagingOptions } from '../client/paging.ts';
import { renderMembers, renderTeams } from '../render/directory.ts';
import { safe } from '../render/text.ts';
import { USERS } from './user.ts';

const TEAMS = '/api/admin/teams';

const membersAnswer = z.looseObject({ items: z.array(memberAnswer) });

/** The path of a team's members, and of one of them. */
const membersPath = async (api: Api, team: string, user?: string): Promise<string> => {
  const teamId = await idOf(api, TEAMS, teamAnswer, 'team', team);
  const base = `${TEAMS}/${segment(teamId)}/members`;
  return user === undefined ? base : `${base}/${segment(await idOf(api, USERS, userAnswer, 'user', user))}`;
};

const addMembers = (team: Command, io: Io): void => {
  apiLeaf(team, 'members <team>', 'List the members of a team, by name or id.', [
    'mosaic team members platform',
  ]).action(async (name: string, options: ApiOptions) => {
    const api = await connect(io, options);
    const { items } = await api.get(await membersPath(api, name), membersAnswer);
    print(io, options, { items, next_cursor: null }, () => renderMembers(items));
  });

  apiLeaf(team, 'add-member <team> <user>', 'Put a user into a team, or change the role there.', [
    'mosaic team add-member platform alice',
    'mosaic team add-member platform bob --role admin',
  ])
    .addOption(new Option('--role <role>', 'role in the team').choices(['member', 'admin']).default('member'))
    .action(async (name: string, user: string, options: ApiOptions & { role: string }) => {
      const api = await connect(io, options);
      const { role } = options;
      const answer = await api.put(await membersPath(api, name, user), { role }, anyAnswer);
      const said = `${safe(user)} is ${role === 'admin' ? 'an admin' : 'a member'} of ${safe(name)}.\n`;
      print(io, options, answer ?? { team: name, user, role }, () => said);
    });

  apiLeaf(team, 'remove-member <team> <user>', 'Take a user out of a team.', [
    'mosaic team remove-member platform alice',
  ]).action(async (name: string, user: string, options: ApiOptions) => {
    const api = await connect(io, options);
    await api.delete(await membersPath(api, name, user), anyAnswer);
    const said = `${safe(user)} is no longer in ${safe(name)}.\n`;
    print(io, options, { team: name, user, removed: true }, () => said);
  });
};

export const addTeam = (program: Command, io: Io): void => {
  const team = group(program, 'team', 'Teams and who is in them.', [
    'mosaic team create platform',
    'mosaic team add-member platform alice',
  ]);

  apiLeaf(team, 'create <name>', 'Create a team.', ['mosaic team create platform --json']).action(
    async (name: string, options: ApiOptions) => {
      const made = await (await connect(io, options)).post(TEAMS, { name }, teamAnswer);
      print(io, options, made, () => renderTeams([made]));
    },
  );

  withPaging(apiLeaf(team, 'list', 'List teams, newest first.', ['mosaic team list'])).action(
    async (options: ApiOptions & PagingOptions) => {
      const listing = await listAll(await connect(io, options), TEAMS, teamAnswer, options);
      print(io, options, listing, () => renderTeams(listing.items));
      printMore(io, options, listing.next_cursor);
    },
  );

  apiLeaf(team, 'delete <team>', 'Delete a team with its rows, by name or id.', [
    'mosaic team delete platform',
  ]).action(async (name: string, options: ApiOptions) => {
    const api = await connect(io, options);
    const id = await idOf(api, TEAMS, teamAnswer, 'team', name);
    await api.delete(`${TEAMS}/${segment(id)}`, anyAnswer);
    print(io, options, { id, deleted: true }, () => `Deleted team ${safe(name)}.\n`);
  });

  addMembers(team, io);
};
