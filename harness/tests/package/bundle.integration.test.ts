import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readManifest, ROOT } from '../../tools/checks/repository.ts';
import { makeSbom } from '../../tools/sbom.ts';
import { BUNDLE, bundleProduct, NOTICES, type Bundle } from './bundle.ts';

const run = promisify(execFile);
const BUILD_MS = 120_000;

interface Started {
  readonly child: ChildProcess;
  readonly url: string;
  /** What it logged until now. */
  readonly log: () => string;
  /** @returns the exit code */
  readonly stop: () => Promise<number | null>;
}

/** The files of the gateway's image, and no package but PGlite. */
describe('the bundle', () => {
  let folder: string;
  let bundle: Bundle;
  const at = (...parts: readonly string[]): string => path.join(folder, ...parts);
  const main = (): string => at('dist', BUNDLE, 'main.js');
  const mosaic = (...args: readonly string[]) => run(process.execPath, [main(), ...args], { cwd: folder });

  const start = async (): Promise<Started> => {
    const data = await mkdtemp(at('data-'));
    const ports = ['--public-port=0', '--federation-port=0'];
    const args = [main(), 'gateway', 'start', '--json', `--data-dir=${data}`, ...ports];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    const exited = once(child, 'exit');
    const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), exited])) as [unknown];
    if (typeof line !== 'string') throw new Error(`it did not start: ${log}`);
    const stop = async (): Promise<number | null> => {
      child.kill('SIGTERM');
      await exited;
      return child.exitCode;
    };
    return { child, url: (JSON.parse(line) as { public_url: string }).public_url, log: () => log, stop };
  };

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'mosaic-bundle-'));
    bundle = await bundleProduct(at('dist', BUNDLE));
    execFileSync(process.execPath, [path.join(ROOT, 'src/runtimes/node/boot/build-template.ts'), at('dist')]);
    for (const part of ['package.json', 'bin', 'infra/nginx', 'infra/docker'])
      await cp(path.join(ROOT, part), at(part), { recursive: true });
    await mkdir(at('node_modules'));
    await symlink(path.join(ROOT, 'node_modules/@electric-sql'), at('node_modules/@electric-sql'));
  }, BUILD_MS);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('holds the product and packages of the product, each once: no tool, test or harness', () => {
    const own = bundle.inputs.filter((name) => !name.includes('node_modules/'));
    expect(own).toContain('src/runtimes/node/boot/start.ts');
    expect(own.filter((name) => !/^(src|domain|ca|db|routes)\/.*\.ts$|^\(disabled\)/.test(name))).toEqual([]);
    expect(own.filter((name) => /\.(test|testkit|contract)\.ts$/.test(name))).toEqual([]);
    const shipped = new Set(makeSbom().components.map(({ name, version }) => `${name}@${version}`));
    expect(bundle.packages.length).toBeGreaterThan(40);
    expect(
      bundle.packages
        .filter(({ name, version }) => !shipped.has(`${name}@${version}`))
        .map(({ name }) => name),
    ).toEqual([]);
    expect(bundle.twice).toEqual([]);
  });

  it('looks for nothing outside of Node but PGlite, which lies beside its data', () => {
    expect(bundle.external.filter((name) => !isBuiltin(name)).toSorted()).toEqual([
      '@electric-sql/pglite',
      '@electric-sql/pglite-pgvector',
      // Only debug asks for it, and goes on without.
      'supports-color',
    ]);
  });

  it('comes with the licences of all whose code is in it', async () => {
    const notices = await readFile(at('dist', BUNDLE, NOTICES), 'utf8');
    for (const { name, version, license, texts } of bundle.packages) {
      expect(notices).toContain(`${name} ${version} (${license})`);
      expect(texts.join('\n').length).toBeGreaterThan(60);
      for (const text of texts) expect(notices).toContain(text);
    }
  });

  it('starts a gateway that answers, and ends it', async () => {
    const { url, log, stop } = await start();
    try {
      expect((await fetch(`${url}/ready`)).status).toBe(200);
      expect((await fetch(`${url}/openapi.json`)).status).toBe(200);
      expect(log()).not.toContain('older than the sources');
    } finally {
      expect(await stop()).toBe(0);
    }
  });

  it('shows a demo of two gateways, which it starts from itself', async () => {
    const { stdout } = await mosaic('demo', '--once', '--json');
    const { items } = JSON.parse(stdout) as { items: readonly { _source: string }[] };
    expect(new Set(items.map((item) => item._source))).toEqual(new Set(['local', 'federated:work']));
  });

  it('finds what lies beside it: version, templates, lazily loaded commands', async () => {
    expect((await mosaic('--version')).stdout.trim()).toBe(readManifest().version);
    expect((await mosaic('storage', 'migrate-tier', '--help')).stdout).toContain('migrate-tier');
    const sockets = [
      '--public-socket=a.sock',
      '--federation-socket=b.sock',
      '--material=m',
      '--server-name=x',
    ];
    expect((await mosaic('infra', 'nginx', ...sockets)).stdout).toContain('ssl_certificate');
    const data = await mkdtemp(at('data-'));
    const doctor = await run(process.execPath, [main(), 'gateway', 'doctor', '--json'], {
      cwd: folder,
      env: { ...process.env, MOSAIC_DATA_DIR: data },
    }).catch((error: unknown) => error as { stdout: string });
    expect(JSON.parse(doctor.stdout)).toHaveProperty('checks');
  });

  it('is found compiled after a first start, as the image makes one', async () => {
    const compiled = { ...process.env, NODE_COMPILE_CACHE: at('.cache/image') };
    const startAndEnd = async (options: readonly string[], env: NodeJS.ProcessEnv): Promise<string> => {
      const data = await mkdtemp(at('data-'));
      const args = ['gateway', 'start', '--stop-with-stdin', `--data-dir=${data}`];
      const ports = ['--public-port=0', '--federation-port=0'];
      const running = run(process.execPath, [...options, main(), ...args, ...ports], { cwd: folder, env });
      running.child.stdin?.end();
      const { stdout, stderr } = await running;
      return stdout + stderr;
    };
    const parts = bundle.parts.filter((part) => part.startsWith('part-'));
    await startAndEnd(
      parts.flatMap((part) => ['--import', at('dist', BUNDLE, part)]),
      compiled,
    );
    const told = await startAndEnd([], { ...compiled, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' });
    const read = (told.match(/reading cache from [^\n]*\/dist\/bundle\/[^\n]*/g) ?? []).length;
    expect(read).toBeGreaterThan(30);
    expect(told.match(/code cache for [^\n]*\/dist\/bundle\/[^\n]* was accepted/g)).toHaveLength(read);
    // Parts that this start does not need are there, too: those of the other tier.
    const kept = await readdir(at('.cache/image'), { recursive: true });
    expect(kept.length).toBeGreaterThanOrEqual(bundle.parts.length);
  });

  it('with --enable-source-maps names the sources in a stack', async () => {
    const program = `
      const parts = await Promise.all(process.argv.slice(1).map((part) => import(part)));
      const { startGateway } = parts.find((part) => 'startGateway' in part);
      await startGateway({}, { log: { warn() {} } }).catch((error) => process.stdout.write(error.stack));`;
    const files = bundle.parts.map((part) => at('dist', BUNDLE, part));
    const options = ['--enable-source-maps', '--input-type=module', '--eval', program, '--', ...files];
    const { stdout } = await run(process.execPath, options, { cwd: folder });
    expect(stdout).toMatch(/startGateway .*src\/runtimes\/node\/boot\/start\.ts:\d+/);
  });

  it('is what `mosaic` runs where there are no sources', async () => {
    const { stdout } = await run(process.execPath, [at('bin/mosaic.mjs'), '--version'], { cwd: folder });
    expect(stdout.trim()).toBe(readManifest().version);
  });

  it('beside newer sources says that it is old, and `mosaic` runs the sources', async () => {
    for (const part of ['src/cli', 'domain', 'ca', 'db', 'routes'])
      await mkdir(at(part), { recursive: true });
    await writeFile(at('boot.mjs'), 'process.stdout.write(`sources: ${process.argv.slice(2).join(" ")}`);\n');
    await writeFile(at('src/cli/main.ts'), '');
    const later = new Date(Date.now() + 60_000);
    await utimes(at('src/cli/main.ts'), later, later);
    const { stdout } = await run(process.execPath, [at('bin/mosaic.mjs'), '--version'], { cwd: folder });
    expect(stdout).toBe(`sources: ${at('src/cli/main.ts')} --version`);
    const { log, stop } = await start();
    expect(await stop()).toBe(0);
    expect(log()).toContain('this build is older than the sources beside it');
  });
});
