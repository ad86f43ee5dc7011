import { readFileSync } from 'node:fs';
import https from 'node:https';
import type { HandMadeClient } from './hand-made-client.ts';
import { must, type WorldGateway } from './world.ts';

/** A request of a peer: by `performance.now()`, when it was sent and when its answer was there. */
export interface Asked {
  readonly sentAt: number;
  readonly answeredAt: number;
  /** 0 when the connection broke. */
  readonly status: number;
}

const ask = (url: string, agent: https.Agent): Promise<Asked> =>
  new Promise((resolve) => {
    let sentAt = 0;
    const done = (status: number): void => resolve({ sentAt, answeredAt: performance.now(), status });
    const request = https.request(url, { agent }, (response) => {
      response.resume().on('end', () => done(response.statusCode ?? 0));
      response.on('error', () => done(0));
    });
    request.on('error', () => done(0));
    sentAt = performance.now();
    request.end();
  });

/** Asks over `connections` kept-alive connections, one request after the other on each, until stopped. */
export const startAsking = (
  client: HandMadeClient,
  url: string,
  connections: number,
): { readonly asked: readonly Asked[]; stop(): Promise<void> } => {
  const asked: Asked[] = [];
  const tls = {
    ca: readFileSync(client.caFile),
    cert: readFileSync(client.certFile),
    key: readFileSync(client.keyFile),
  };
  const agents = Array.from(
    { length: connections },
    () => new https.Agent({ ...tls, keepAlive: true, maxSockets: 1 }),
  );
  const stopping = new AbortController();
  const loops = agents.map(async (agent) => {
    while (!stopping.signal.aborted) asked.push(await ask(url, agent));
  });
  return {
    asked,
    stop: async () => {
      stopping.abort();
      await Promise.all(loops);
      for (const agent of agents) agent.destroy();
    },
  };
};

export interface Ended {
  readonly startedAt: number;
  readonly returnedAt: number;
}

/** Ways to end what a grant gives; each promises the same of the moment at which it returns. */
export type Ending = 'revoked grant' | 'suspended peer' | 'removed peer' | 'deleted user';
export const ENDINGS: readonly Ending[] = ['revoked grant', 'suspended peer', 'removed peer', 'deleted user'];

/** Ends it, and says when that began and when it had returned. */
export const end = async (
  gateway: WorldGateway,
  grantId: string,
  how: Ending = 'revoked grant',
): Promise<Ended> => {
  const grant = await must(200, gateway, `/api/admin/grants/${grantId}`);
  const peer = `/api/admin/peers/${grant.peer?.id}`;
  const startedAt = performance.now();
  if (how === 'revoked grant') await must(200, gateway, `/api/admin/grants/${grantId}/revoke`, { body: {} });
  else if (how === 'suspended peer') await must(200, gateway, `${peer}/suspend`, { method: 'POST' });
  else if (how === 'removed peer') await must(204, gateway, peer, { method: 'DELETE' });
  else await must(204, gateway, `/api/admin/users/${grant.subject_user_id}`, { method: 'DELETE' });
  return { startedAt, returnedAt: performance.now() };
};

/** Makes statements that read a task of that title take `seconds` after they took their snapshot. @returns what ends it */
export const slowTask = async (
  gateway: WorldGateway,
  title: string,
  seconds: number,
): Promise<() => Promise<void>> => {
  await gateway.sql(`create function public.slow_row(title text) returns boolean language plpgsql volatile as $$
    begin if title = '${title}' then perform pg_sleep(${seconds}); end if; return true; end $$`);
  await gateway.sql(
    'create policy slow_rows on tasks as restrictive for select using (public.slow_row(title))',
  );
  return async () => {
    await gateway.sql('drop policy slow_rows on tasks');
    await gateway.sql('drop function public.slow_row(text)');
  };
};
