import { expect } from 'vitest';
import { makeKeyMaker } from '../../../ca/x509/request.ts';
import type { ClientCertificate, GatewayUnderTest } from './under-test.ts';

interface Item {
  readonly id: string;
  readonly title: string;
  readonly verb: string;
  readonly _source: string;
}

/**
 * What the cases look into, of any answer. Nothing is promised by this type: what an answer lacks is undefined,
 * and the assertion on it fails.
 */
export interface Body {
  readonly id: string;
  readonly code: string;
  readonly detail: string;
  readonly trace_id: string;
  readonly text: string;
  readonly user: { readonly id: string };
  readonly token: { readonly text: string };
  readonly grant: { readonly id: string };
  readonly enrollment: { readonly url: string };
  readonly certificate: string;
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
  readonly issues: readonly { readonly path: string }[];
  readonly openapi: string;
  readonly paths: Readonly<Record<string, unknown>>;
  readonly resources: readonly { readonly name: string }[];
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Body;
}

const isJson = (response: Response): boolean =>
  response.headers.get('content-type')?.includes('json') === true;

export const read = async (response: Response): Promise<Answer> => {
  const text = await response.text();
  const body = (isJson(response) && text !== '' ? JSON.parse(text) : {}) as Body;
  return { status: response.status, headers: response.headers, text, body };
};

export interface Person {
  readonly id: string;
  readonly token: string;
}

/** One request of a person; `body` becomes JSON. */
export type Ask = (person: Person | null, method: string, path: string, body?: unknown) => Promise<Answer>;

export const asking =
  (gateway: GatewayUnderTest): Ask =>
  async (person, method, path, body) => {
    const headers: Record<string, string> = {};
    if (person !== null) headers['authorization'] = `Bearer ${person.token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    return read(await gateway.publicFetch(path, init));
  };

const REDEEM = '/enrollment/v1/redeem';

/** Redeems a token, as a program without a certificate does. */
export const redeem = async (gateway: GatewayUnderTest, token: string, csr: string): Promise<Answer> => {
  const headers = { 'content-type': 'application/json' };
  return read(
    await gateway.enrollmentFetch(REDEEM, { method: 'POST', headers, body: JSON.stringify({ token, csr }) }),
  );
};

export const createPerson = async (
  ask: Ask,
  admin: Person,
  name: string,
  access = 'write',
): Promise<Person> => {
  const user = await ask(admin, 'POST', '/api/admin/users', { name });
  const token = await ask(admin, 'POST', '/api/admin/tokens', {
    user_id: user.body.id,
    name: 'test',
    access,
  });
  return { id: user.body.id, token: token.body.text };
};

export interface EnrolledGrant {
  readonly id: string;
  readonly client: ClientCertificate;
  readonly redeemed: Answer;
  readonly token: string;
}

/** The real way: a grant, its URL, a new key and CSR, a redemption. */
export const enroll = async (
  gateway: GatewayUnderTest,
  admin: Person,
  asked: { readonly user: string; readonly peer: string; readonly scope: object },
): Promise<EnrolledGrant> => {
  const created = await asking(gateway)(admin, 'POST', '/api/admin/grants', asked);
  if (created.status !== 201) throw new Error(`the grant was not created: ${created.text}`);
  const token =
    /#token=([A-Za-z0-9_-]{43})&ca=sha256:[0-9a-f]{64}$/.exec(created.body.enrollment.url)?.[1] ?? '';
  const { keyPem, csrPem } = await makeKeyMaker().keyAndCsr();
  const redeemed = await redeem(gateway, token, csrPem);
  const client = { certificate: redeemed.body.certificate, key: keyPem };
  return { id: created.body.grant.id, client, redeemed, token };
};

/** RFC 9457, with this product's stable code. */
export const expectProblem = (answer: Answer, status: number, code: string): void => {
  expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const text: unknown = expect.any(String);
  expect(answer.body).toMatchObject({ type: text, title: text, status, remedy: text });
};

/** What creates the first administrator. */
export const setupBody = ({ setupToken }: Pick<GatewayUnderTest, 'setupToken'>, name: string): object => ({
  name,
  ...(setupToken === null ? {} : { setup_token: setupToken }),
});
