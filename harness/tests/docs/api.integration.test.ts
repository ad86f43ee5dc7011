import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CATALOGUE } from '../../../domain/errors.ts';
import { GRANT_ID_OID, SUBJECT_USER_ID_OID } from '../../../domain/peers/identity.ts';
import {
  openSession,
  outcomeOf,
  readDocument,
  shellBlocks,
  type Session,
} from '../../../src/cli/testing/docs-blocks.testkit.ts';
import { KNOWN_SEGMENTS } from '../../../src/cli/render/nginx/nginx-paths.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { startGateway, type RunningGateway } from '../../../src/runtimes/node/boot/start.ts';
import { openapiFaults, type JsonObject } from './openapi-rules.ts';
import { startEmbedded, type EmbeddedGateway } from '../acceptance/embedded-world.ts';

/** docs/reference/api.md, carried out by curl and openssl against two real gateways. Work is one that nobody has set up yet. */
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const RECOVERY = '## Recovering an administrator token';

let text = '';
let folder = '';
let session: Session;
let work: RunningGateway;
let home: EmbeddedGateway;

const startWork = (): Promise<RunningGateway> =>
  startGateway(
    loadConfig({
      env: {
        MOSAIC_GATEWAY_NAME: 'work',
        MOSAIC_DATA_DIR: folder,
        MOSAIC_PUBLIC_PORT: '0',
        MOSAIC_FEDERATION_HOST: '127.0.0.1',
        MOSAIC_FEDERATION_PORT: '0',
      },
    }).config,
    { log: silent },
  );

beforeAll(async () => {
  text = await readDocument('reference/api.md');
  folder = await mkdtemp(path.join(tmpdir(), 'mosaic-api-docs-'));
  session = await openSession();
  // The document is followed in a checkout: its packages are there.
  await symlink(
    fileURLToPath(new URL('../../../node_modules', import.meta.url)),
    path.join(session.folder, 'node_modules'),
  );
  work = await startWork();
  home = await startEmbedded('home');
});
afterAll(async () => {
  await Promise.all([work.stop(), home.stop()]);
  await session.remove();
  await rm(folder, { recursive: true, force: true });
});

const environment = (): Record<string, string> => ({
  WORK: work.publicUrl,
  HOME_GATEWAY: home.publicUrl,
  HOME_TOKEN: home.adminToken,
  DATA_DIR: folder,
});

describe('docs/reference/api.md', () => {
  it('runs as written, in order', { timeout: 120_000 }, async () => {
    const [everyday = '', recovery = ''] = text.split(RECOVERY);
    const blocks = shellBlocks(everyday);
    expect(blocks.length).toBeGreaterThanOrEqual(20);
    const { out, ...finished } = await session.run(blocks, environment());
    expect(outcomeOf({ out, ...finished })).toEqual({ code: 0, err: '' });

    // What the text around the blocks says of their answers.
    for (const code of [
      'unauthenticated',
      'invalid_cursor',
      'resource_not_granted',
      'certificate_untrusted',
    ]) {
      expect(out).toContain(`"code":"${code}"`);
    }
    expect(out).toContain('"path":"nmae"');
    expect(out).toContain('"_source":"federated:work"');
    expect(out).toContain('leaf.pem: OK');
    expect(out).toMatch(/certificate was revoked[\s\S]*\n401\n/);
    for (const oid of [GRANT_ID_OID, SUBJECT_USER_ID_OID]) expect(out).toContain(oid);
    expect(out).toContain('Revoked Certificates:');

    const [makeToken = '', applySql = '', useToken = '', ...more] = shellBlocks(recovery);
    expect(more).toEqual([]);
    await work.stop();
    const applied = await session.run([makeToken, applySql], environment());
    expect(outcomeOf(applied)).toEqual({ code: 0, err: '' });
    work = await startWork();
    const used = await session.run([useToken], environment());
    expect(outcomeOf(used)).toEqual({ code: 0, err: '' });
    expect(used.out).toContain('"name":"recovered"');
  });

  it('lists every error code with its status and remedy', () => {
    const rows = [...text.matchAll(/^\| (\d{3}) +\| `(\w+)` +\| (.+?) +\| (.+?) +\|$/gm)].map((row) =>
      row.slice(1),
    );
    const catalogue = Object.entries(ERROR_CATALOGUE).map(([code, { status, title, remedy }]) => [
      String(status),
      code,
      title,
      remedy,
    ]);
    expect(
      rows.filter(([, code = '']) => Object.hasOwn(ERROR_CATALOGUE, code)).slice(-catalogue.length),
    ).toEqual(catalogue);
  });

  it('stands beside an /openapi.json that is sound', async () => {
    const document = (await (await fetch(`${work.publicUrl}/openapi.json`)).json()) as JsonObject;
    expect(openapiFaults(document)).toEqual([]);
    // The rules find something where there is something.
    const broken = JSON.parse(
      JSON.stringify(document).replaceAll('"in":"path"', '"in":"query"'),
    ) as JsonObject;
    expect(openapiFaults(broken)).toContain('GET /api/admin/users/{id}: {id} is undeclared');
  });

  it('F-39 has no address that nginx would log without its last part: new words go to nginx-paths.ts', async () => {
    const { paths } = (await (await fetch(`${work.publicUrl}/openapi.json`)).json()) as { paths: object };
    const words = Object.keys(paths).flatMap((route) =>
      route.split('/').filter((word) => /^[^{]/.test(word)),
    );
    expect(words.filter((word) => !KNOWN_SEGMENTS.includes(word))).toEqual([]);
  });

  it('names every route an administrator or a peer has', async () => {
    const { paths } = (await (await fetch(`${work.publicUrl}/openapi.json`)).json()) as {
      readonly paths: Readonly<Record<string, object>>;
    };
    const families = new Set(Object.keys(paths).map((route) => route.split('/').slice(0, 4).join('/')));
    for (const family of families) {
      if (/^\/(health|docs|docs\/style\.css)$|\/\{resource\}$/.test(family)) continue;
      const [, first = '', second = '', third = ''] = family.split('/');
      const name = ['resources', 'query', 'federation'].includes(second) ? `/${first}/${second}/` : family;
      expect(text, `${name} (${third})`).toContain(name);
    }
  });
});
