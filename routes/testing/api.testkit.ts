import type { Hono } from 'hono';
import { expect } from 'vitest';
import { makeTestDeps, type TestDeps, type TestOverrides } from '../../src/app/deps.testkit.ts';
import { createPublicApp } from '../../src/app/app.ts';
import type { AppEnv } from '../http/http.ts';

export interface Call {
  /** GET without a body, POST with one. */
  readonly method?: string;
  readonly token?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body when it is a JSON object, otherwise empty. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Person {
  readonly id: string;
  readonly token: string;
}

/** One gateway's API, called without a socket, as several people. */
export interface TestApi {
  readonly deps: TestDeps;
  readonly app: Hono<AppEnv>;
  readonly admin: Person;
  call(path: string, call?: Call): Promise<Answer>;
  /** As `call`; anything but that status fails the test. */
  must(status: number, path: string, call?: Call): Promise<Answer>;
  person(name: string, access?: 'read' | 'write'): Promise<Person>;
  /** @returns the team's id */
  team(name: string, members?: readonly Person[], role?: 'member' | 'admin'): Promise<string>;
}

export const callApp = async (app: Hono<AppEnv>, path: string, call: Call = {}): Promise<Answer> => {
  const { token, body, headers = {} } = call;
  const response = await app.request(path, {
    method: call.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = (response.headers.get('content-type') ?? '').includes('json');
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson ? (JSON.parse(text) as Answer['body']) : {},
  };
};

const textIn = (answer: Answer, name: string): string => {
  const value = answer.body[name];
  if (typeof value !== 'string') throw new Error(`the answer has no text \`${name}\``);
  return value;
};

/** A gateway with its first administrator. */
export const makeTestApi = async (overrides: TestOverrides = {}): Promise<TestApi> => {
  const deps = await makeTestDeps(overrides);
  const app = createPublicApp(deps);
  const call: TestApi['call'] = (path, options) => callApp(app, path, options);
  const must: TestApi['must'] = async (status, path, options) => {
    const answer = await call(path, options);
    expect([answer.status, answer.text]).toEqual([status, expect.any(String)]);
    return answer;
  };
  const setup = await must(201, '/api/bootstrap/setup', { body: { name: 'root' } });
  const { user, token } = setup.body as { user: { id: string }; token: { text: string } };
  const admin = { id: user.id, token: token.text };

  const person: TestApi['person'] = async (name, access = 'write') => {
    const id = textIn(await must(201, '/api/admin/users', { token: admin.token, body: { name } }), 'id');
    const made = await must(201, '/api/admin/tokens', {
      token: admin.token,
      body: { user_id: id, name, access },
    });
    return { id, token: textIn(made, 'text') };
  };
  const team: TestApi['team'] = async (name, members = [], role = 'member') => {
    const id = textIn(await must(201, '/api/admin/teams', { token: admin.token, body: { name } }), 'id');
    for (const { id: userId } of members) {
      await must(200, `/api/admin/teams/${id}/members/${userId}`, {
        token: admin.token,
        method: 'PUT',
        body: { role },
      });
    }
    return id;
  };
  return { deps, app, admin, call, must, person, team };
};

/** The codes and paths of a problem's issues. */
export const issuePaths = (answer: Answer): readonly string[] =>
  ((answer.body['issues'] ?? []) as readonly { readonly path: string }[]).map(({ path }) => path);

export const itemsOf = (answer: Answer): readonly Readonly<Record<string, unknown>>[] =>
  answer.body['items'] as readonly Readonly<Record<string, unknown>>[];

/** Texts in one order, for comparing what has none. */
export const sorted = (values: Iterable<unknown>): readonly string[] =>
  [...values].map(String).sort((a, b) => (a < b ? -1 : 1));
