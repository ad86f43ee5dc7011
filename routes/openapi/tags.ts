/** The groups of the API in the order a reader wants them, and what each is for. */
export const TAGS: Readonly<Record<string, string>> = {
  federation: 'What a peer may ask, on the mutual TLS listener, with the certificate of one grant.',
  enrollment: 'How a peer comes to its certificate.',
  pki: 'What peers check certificates against.',
  bootstrap: 'The first administrator of a new gateway.',
  me: 'Who a token belongs to.',
  query: 'Rows of this gateway and of your own peers, in one answer.',
  resources: 'Rows of this gateway: your own, and those of your teams.',
  users: 'People. For administrators.',
  teams: 'Teams and who is in them. For administrators.',
  tokens: 'Bearer tokens of people. For administrators.',
  grants: 'What peers may read here. For administrators.',
  peers: 'Gateways that ask this one, and gateways this one asks. For administrators.',
  audit: 'Who asked what and who changed what. For administrators.',
  keys: 'The key that seals secrets at rest. For administrators.',
  operations: 'Health, and this document.',
};
