import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { BootError } from '../../../src/runtimes/node/boot/boot-fault.ts';
import { openStepCas } from '../../../src/runtimes/node/step-ca/step-ca-generations.ts';
import { folderOf } from '../../devstack/stack/plan.ts';
import { reconfigure, startNextAuthority, trustingBoth, type NextAuthority } from './another-authority.ts';
import { bootFederatedWorld, type FederatedWorld } from './federated-world.ts';
import { enrollByHand, tlsGet, type HandMadeClient } from './hand-made-client.ts';
import { grantAndEnroll, seedPeople, type Enrolled, type Seeded } from './people.ts';
import { call, must, type WorldGateway } from './world.ts';

const AT_ONCE = 6;
const scope = { resources: ['tasks'], max_rows_per_query: 100 };

const pinOf = (pem: string): string =>
  createHash('sha256')
    .update(Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64'))
    .digest('hex');

/** Issue 5 point 7, ABUSE 66: another step-ca takes the place of the one at work while requests go on. */
describe('rollover of the authority’s root on Postgres, Valkey, step-ca and nginx', () => {
  let world: FederatedWorld;
  let work: WorldGateway;
  let next: NextAuthority;
  let seeded: Seeded;
  const peers: Record<string, Enrolled> = {};
  const hands: Record<string, HandMadeClient> = {};
  const failures: string[] = [];
  let asked = 0;
  const over = new AbortController();
  let load: Promise<unknown>;

  const peer = (name: string): Enrolled => {
    const found = peers[name];
    if (found === undefined) throw new Error(`no peer ${name}`);
    return found;
  };
  const enroll = async (name: string): Promise<void> => {
    const { alice: subject, ann: localUser } = seeded;
    peers[name] = await grantAndEnroll({ ...world, work }, { subject, localUser, peerName: name, scope });
    await must(200, work, `/api/admin/grants/${peer(name).grantId}`, {
      method: 'PATCH',
      body: { rate_limit_per_minute: 1_000_000, cache_ttl_seconds: 0 },
    });
  };
  const byHand = async (name: string): Promise<void> => {
    hands[name] = await enrollByHand(work, { user: seeded.bob.name, peer: `hand-${name}`, scope });
  };
  const ask = async (name: string): Promise<string | null> => {
    const source = `federated:${name}`;
    const { status, body } = await call(world.home, `/api/query/tasks?source=${source}`, {
      token: seeded.ann.token,
    });
    const isWhole = body.sources?.[source]?.status === 'complete' && body.items.length === 2;
    return status === 200 && isWhole ? null : `${status} ${JSON.stringify(body.sources ?? body)}`;
  };
  /** What the front, or the gateway behind it, answers somebody with this certificate and both roots. */
  const statusOf = async (name: string): Promise<number> => {
    const hand = hands[name];
    if (hand === undefined) throw new Error(`no client ${name}`);
    const [cert, key] = [readFileSync(hand.certFile, 'utf8'), readFileSync(hand.keyFile, 'utf8')];
    const ca = `${next.oldRootPem}${next.rootPem}`;
    return (await tlsGet(`${work.federationUrl}/federation/v1/tasks`, { ca, cert, key })).status;
  };
  const roll = (step: string, force = false) =>
    call(work, '/api/admin/authority/roll', { body: { step, force } });
  const status = async () => {
    const body = (await must(200, work, '/api/admin/authority')) as unknown as {
      readonly phase: string;
      readonly waiting_for: number;
      readonly roots: readonly { readonly fingerprint: string; readonly use: string }[];
    };
    return {
      phase: body.phase,
      waiting: body.waiting_for,
      roots: body.roots.map(({ fingerprint, use }) => `${use} ${fingerprint}`),
    };
  };
  const renew = (name: string) =>
    must(200, world.home, `/api/admin/peers/${peer(name).peerId}/renew`, { method: 'POST' });
  const revokeGrant = (grantId: string) =>
    must(200, work, `/api/admin/grants/${grantId}/revoke`, { body: {} });
  const goOn = async (): Promise<void> => {
    const from = asked;
    await expect.poll(() => asked, { timeout: 60_000 }).toBeGreaterThan(from + 60);
  };
  /** Of those that nginx is given; whichever replica is told first keeps it, the other one looks every 15 seconds. */
  const authoritiesAtFront = (): number | undefined => {
    const file = path.join(folderOf(world.handle.state, 'gateway-b'), 'front', 'client-ca.pem');
    return readFileSync(file, 'utf8').match(/BEGIN CERTIFICATE/g)?.length;
  };

  beforeAll(async () => {
    world = await bootFederatedWorld({ replicasOfB: 2 });
    work = world.work;
    next = await startNextAuthority(world);
    work = trustingBoth(world.work, next);
    seeded = await seedPeople(world, 'roll-');
    for (const name of ['one', 'two', 'late', 'listed']) await enroll(name);
    for (const name of ['old', 'gone', 'goes']) await byHand(name);
    await revokeGrant(hands['gone']?.grantId ?? '');
    load = Promise.all(
      Array.from({ length: AT_ONCE }, async (_, index) => {
        while (!over.signal.aborted) {
          const failure = await ask(index % 2 === 0 ? 'one' : 'two').catch(String);
          asked += 1;
          if (failure !== null) failures.push(`request ${asked}: ${failure}`);
        }
      }),
    );
  }, 180_000);
  afterAll(async () => {
    over.abort();
    await load;
    for (const hand of Object.values(hands)) await hand.remove();
    await next.close();
    await world.close();
  });

  it('X-66 a step-ca without another one beside it has nothing to announce, and says so', async () => {
    const { roots } = await status();
    expect(roots).toEqual([`issuing ${pinOf(next.oldRootPem)}`]);
    const answer = await roll('announce');
    expect([answer.status, answer.body.code]).toEqual([409, 'invalid_transition']);
    expect(JSON.stringify(answer.body)).toContain('ca.next');
  });

  it('X-66 an announcement that the old root did not sign, or of another root, stops the start', async () => {
    const folder = folderOf(world.handle.state, 'step-ca-next');
    const file = (name: string): string => path.join(folder, name);
    const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
    const make = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    // As the old root is called, and as the next one is: with other keys.
    const name = (pem: string): string =>
      `/${String(openssl('x509', '-in', pem, '-noout', '-subject', '-nameopt', 'RFC2253,-sep_comma_plus'))
        .replace('subject=', '')
        .trim()}`;
    const old = path.join(folderOf(world.handle.state, 'step-ca'), 'ca', 'certs', 'root_ca.crt');
    openssl(...make, '-subj', name(old), '-keyout', file('rogue.key'), '-out', file('rogue.crt'));
    const { STEP_CA_NEXT_ROOT_CERT_PATH: root = '' } = next.asNext;
    openssl(...make, '-subj', name(root), '-keyout', file('other.key'), '-out', file('other.crt'));
    const sign = (ca: string, key: string, subject: string, out: string) =>
      openssl('x509', '-in', subject, '-CA', ca, '-CAkey', key, '-set_serial', '9', '-out', file(out));
    const oldKey = path.join(folderOf(world.handle.state, 'step-ca'), 'ca', 'offline', 'root_ca_key');
    sign(file('rogue.crt'), file('rogue.key'), root, 'by-rogue.crt');
    sign(old, oldKey, file('other.crt'), 'of-other.crt');
    const open = async (link: string) => {
      const document = path.join(folderOf(world.handle.state, 'gateway-b'), 'mosaic.config.json');
      const { config } = loadConfig({
        file: readFileSync(document, 'utf8'),
        env: { ...next.asNext, STEP_CA_NEXT_LINK_PATH: link },
        readFile: (name_) => readFileSync(name_, 'utf8'),
      });
      if (config.ca.type !== 'step-ca') throw new Error('no step-ca');
      return openStepCas(config.ca, 86_400);
    };
    for (const forged of [file('by-rogue.crt'), file('of-other.crt'), old, root]) {
      const error: unknown = await open(forged).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(BootError);
      expect(String(error)).toContain('is not the present root’s signature');
    }
    const good = await open(next.asNext['STEP_CA_NEXT_LINK_PATH'] ?? '');
    await good.close();
  });

  it(
    'X-66 configure, announce, renew, switch, renew, retire, under load: 0 failures',
    { timeout: 420_000 },
    async () => {
      const [oldPin, newPin] = [pinOf(next.oldRootPem), pinOf(next.rootPem)];
      await expect.poll(() => statusOf('gone'), { timeout: 30_000 }).toBe(401);
      await reconfigure(world, 'b', next.asNext);
      expect(await status()).toMatchObject({
        phase: 'stable',
        roots: [`issuing ${oldPin}`, `configured ${newPin}`],
      });
      expect((await roll('switch')).body.code).toBe('invalid_transition');

      expect((await roll('announce')).status).toBe(200);
      await expect.poll(authoritiesAtFront, { timeout: 30_000 }).toBe(4);
      expect(await status()).toEqual({
        phase: 'announced',
        waiting: 6,
        roots: [`issuing ${oldPin}`, `trusted ${newPin}`],
      });
      for (const name of ['one', 'two', 'late', 'listed']) await renew(name);
      // Two that are called by hand and never renew.
      const tooEarly = await roll('switch');
      expect([tooEarly.status, tooEarly.body.code]).toEqual([409, 'invalid_transition']);
      expect([await statusOf('old'), await statusOf('goes'), await statusOf('gone')]).toEqual([
        200, 200, 401,
      ]);
      await goOn();

      expect((await roll('switch', true)).status).toBe(200);
      expect(await status()).toMatchObject({
        phase: 'switched',
        roots: [`issuing ${newPin}`, `trusted ${oldPin}`],
      });
      await goOn();
      await byHand('new');
      expect([await statusOf('new'), await statusOf('old'), await statusOf('gone')]).toEqual([200, 200, 401]);
      // Revoked while the next one issues: at the one that issued it, whose list the front has too.
      await revokeGrant(hands['goes']?.grantId ?? '');
      await expect.poll(() => statusOf('goes'), { timeout: 5_000 }).toBe(401);

      expect((await roll('retire')).body.code).toBe('invalid_transition');
      for (const name of ['one', 'two', 'listed']) await renew(name);
      expect(await ask('late')).toBeNull();
      // The overlap of ten minutes, cut short.
      await work.sql(
        `update issued_certificates set revoke_at = now() where revoke_at is not null and status = 'issued'`,
      );
      // Late’s and old’s.
      await expect.poll(async () => (await status()).waiting, { timeout: 60_000 }).toBe(2);
      expect((await roll('retire', true)).status).toBe(200);
      expect(await status()).toMatchObject({
        phase: 'stable',
        waiting: 0,
        roots: [`issuing ${newPin}`, `configured ${oldPin}`],
      });
      await expect.poll(authoritiesAtFront, { timeout: 30_000 }).toBe(2);
      await goOn();
      await expect.poll(() => statusOf('old'), { timeout: 20_000 }).toBe(401);
      expect([await statusOf('new'), await statusOf('gone'), await statusOf('goes')]).toEqual([
        200, 401, 401,
      ]);
      expect(await ask('late')).toMatch(/^502/);
      expect((await roll('announce')).body.code).toBe('invalid_transition');

      // The configuration follows, and the old authority is not needed any more.
      await reconfigure(world, 'b', next.alone);
      await goOn();
      expect(await status()).toMatchObject({ phase: 'stable', roots: [`issuing ${newPin}`] });
      for (const name of ['one', 'two']) await renew(name);
      const pinned = await world.home.sql(
        `select ca_fingerprint, (length(ca_pem) - length(replace(ca_pem, 'BEGIN', ''))) / 5 as roots
        from federation_peers where name in ('one', 'two')`,
      );
      expect(pinned.map((row) => [row['ca_fingerprint'], Number(row['roots'])])).toEqual([
        [newPin, 1],
        [newPin, 1],
      ]);
      expect(failures).toEqual([]);
      expect(asked).toBeGreaterThan(300);
    },
  );

  it('M6-7 home learns from the new authority’s list, whose numbers are low, that it was revoked', async () => {
    const { grantId, peerId } = peer('listed');
    await revokeGrant(grantId);
    // Until the front itself refuses, so that no signed reason comes.
    await wait(2_000);
    await expect
      .poll(
        async () => {
          await ask('listed');
          const [row] = await world.home.sql(
            `select p.state::text as state, t.crl_signer is not null as by_list from federation_peers p
            join federation_peer_trust t on t.peer_id = p.id where p.id = $1`,
            [peerId],
          );
          return row;
        },
        { timeout: 20_000 },
      )
      .toEqual({ state: 'revoked', by_list: true });
    // Nobody took the cut-off one for revoked.
    const [late] = await world.home.sql('select state::text as state from federation_peers where id = $1', [
      peer('late').peerId,
    ]);
    expect(late?.['state']).not.toBe('revoked');
  });
});
