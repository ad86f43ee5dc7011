import type { Context } from 'hono';
import type { AppEnv } from '../http/http.ts';

/** What a session is called: as the client does, or by its token. */
export const sessionName = (c: Context<AppEnv>, named: string | undefined): string =>
  named === undefined ? `token ${c.req.header('authorization')}` : `named ${named}`;
