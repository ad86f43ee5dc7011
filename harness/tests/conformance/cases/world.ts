import type { Answer, Ask, EnrolledGrant, Person } from '../client.ts';
import type { ClientCertificate, GatewayUnderTest } from '../under-test.ts';

/** What the cases share and build up, in the order of an operator's first day. */
export interface World {
  gateway: GatewayUnderTest;
  ask: Ask;
  peerAsks: (client: ClientCertificate | null, path: string, init?: RequestInit) => Promise<Answer>;
  admin: Person;
  alice: Person;
  bob: Person;
  team: string;
  grant: EnrolledGrant;
}

/** A valid scope, with what the case is about. */
export const scopeOf = (fields: object): object => ({
  resources: ['tasks', 'notes'],
  max_rows_per_query: 100,
  ...fields,
});
