import { afterAll, beforeAll, expect, it } from 'vitest';
import { createForger } from '../../ca/testing/forge.testkit.ts';
import { grantFor, startSide, type PairSide } from './pair.testkit.ts';

const HOUR = 3_600_000;

let home: PairSide;
let work: PairSide;
let ann: { readonly id: string; readonly token: string };

beforeAll(async () => {
  [home, work] = await Promise.all([startSide('home'), startSide('work')]);
  [ann] = await Promise.all([home.person('ann'), work.person('alice')]);
  const { url } = await grantFor(work, 'alice', 'home');
  const body = { enrollment_url: url, user: 'ann', name: 'work' };
  await home.call('/api/admin/peers', { status: 201, body });
});
afterAll(() => Promise.all([home.close(), work.close()]));

const said = ({ body }: { readonly body: Readonly<Record<string, unknown>> }): string => JSON.stringify(body);

/** Gives work's front a certificate of another root to ask for, so that home's own one is out of time there. */
const present = async (notBefore: Date, notAfter: Date): Promise<void> => {
  const [peer] = await home.deps.storage.stores.peers.ofUser(ann.id);
  if (peer === undefined) throw new Error('home has no peer');
  const { pem, keyPem } = await forger.leaf([], { notBefore, notAfter });
  const sealed = await home.deps.sealer.seal(
    new TextEncoder().encode(keyPem),
    `federation_peers/${peer.id}/client_key_pem`,
  );
  await home.deps.sql(
    `update federation_peers
        set client_cert_pem = $2, client_key_pem = $3, certificate_not_after = $4 where id = $1`,
    [peer.id, pem, sealed, notAfter],
  );
};

let forger: Awaited<ReturnType<typeof createForger>>;
beforeAll(async () => {
  forger = await createForger('work');
  work.trust(forger.rootPem);
});

it.each([
  [
    'F-56 an expired certificate',
    -48,
    -24,
    /certificate for the peer ended on /,
    /Enroll again with a new enrollment URL/,
    'peer_certificate_expired',
  ],
  [
    'F-56 a certificate of a clock that is two hours ahead',
    1,
    48,
    /not valid yet\. The peer’s clock is about 2 hours behind this gateway’s\./,
    /Set both clocks right/,
    'peer_refuses_certificate',
  ],
])(
  '%s: people read the cause and the cure in problem, notice and status',
  async (_name, from, to, cause, cure, finding) => {
    const now = Date.now();
    home.deps.clock.set(new Date(from > 0 ? now + 2 * HOUR : now));
    await present(new Date(now + from * HOUR), new Date(now + to * HOUR));

    const alone = await home.call('/api/query/tasks?source=federated:work', { token: ann.token });
    expect([alone.status, alone.body['code']]).toEqual([502, 'peer_refused']);
    expect(alone.body['detail']).toMatch(cause);
    expect(alone.body['remedy']).toMatch(cure);

    const blended = await home.call('/api/query/tasks', { token: ann.token, status: 200 });
    const [notice] = blended.body['notices'] as readonly { readonly message: string }[];
    expect(notice?.message).toMatch(cause);
    expect(notice?.message).toMatch(cure);

    await expect
      .poll(async () => said(await home.call('/api/admin/federation/status', { status: 200 })))
      .toMatch(cure.source.startsWith('Set') ? /Compare the clocks of both gateways/ : /[Ee]nroll again/);
    const status = await home.call('/api/admin/federation/status', { status: 200 });
    expect(said(status)).toContain(finding);
  },
);
