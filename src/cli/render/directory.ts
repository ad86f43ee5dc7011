import type { MemberAnswer, TeamAnswer, TokenAnswer, UserAnswer } from '../client/answers.ts';
import { distance, moment, safe } from './text.ts';
import { tableOr } from './table.ts';

export const renderUsers = (users: readonly UserAnswer[]): string =>
  tableOr(
    'There are no users.',
    ['ID', 'NAME', 'ADMIN', 'CREATED'],
    users.map((user) => [
      safe(user.id),
      safe(user.name),
      user.is_admin ? 'yes' : 'no',
      moment(user.created_at),
    ]),
  );

export const renderTeams = (teams: readonly TeamAnswer[]): string =>
  tableOr(
    'There are no teams.',
    ['ID', 'NAME', 'CREATED'],
    teams.map((team) => [safe(team.id), safe(team.name), moment(team.created_at)]),
  );

export const renderMembers = (members: readonly MemberAnswer[]): string =>
  tableOr(
    'The team has no members.',
    ['USER', 'ROLE'],
    members.map((member) => [safe(member.user_id), safe(member.role)]),
  );

export type TokenState = 'usable' | 'revoked' | 'expired';

/** Whether a token still opens anything; revoked is final, so it is told first. */
export const tokenState = (token: TokenAnswer, now: Date): TokenState => {
  if (typeof token.revoked_at === 'string') return 'revoked';
  const expired = typeof token.expires_at === 'string' && Date.parse(token.expires_at) <= now.getTime();
  return expired ? 'expired' : 'usable';
};

export const renderTokens = (tokens: readonly TokenAnswer[], now: Date): string =>
  tableOr(
    'There are no tokens.',
    ['ID', 'NAME', 'USER', 'ACCESS', 'STATE', 'EXPIRES'],
    tokens.map((token) => [
      safe(token.id),
      safe(token.name),
      safe(token.user_id),
      safe(token.access),
      tokenState(token, now),
      token.expires_at ? `${moment(token.expires_at)} (${distance(token.expires_at, now)})` : 'never',
    ]),
  );

/** A token's text, shown once. */
export const renderNewToken = (text: string, savedTo: string | undefined): string =>
  savedTo === undefined
    ? `${safe(text)}\nThis token is shown once and stored nowhere. Use it with --token-file or MOSAIC_TOKEN.\n`
    : `The token is in ${safe(savedTo)}, readable by you alone. Use it with --token-file ${safe(savedTo)}.\n`;
