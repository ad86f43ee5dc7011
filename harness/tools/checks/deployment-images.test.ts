import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NODE_FLAGS } from '../../../bin/launch.mjs';
import { FRONT, PROXIED_FRONT, writeFrontConfig } from '../front-config.ts';
import { readText, ROOT } from './repository.ts';

describe('what the images run', () => {
  it('shell scripts parse, and those that are called by name are executable', () => {
    const scripts = readdirSync(join(ROOT, 'infra'), { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('.sh'),
    );
    expect(scripts.length).toBeGreaterThan(7);
    for (const script of scripts) {
      const path = join(ROOT, 'infra', script);
      const shell = /^#!.*\bbash\b/.test(readText(join('infra', script))) ? 'bash' : 'sh';
      const { stderr } = spawnSync(shell, ['-n', path], { encoding: 'utf8' });
      expect([script, stderr, statSync(path).mode & 0o111]).toEqual([script, '', 0o111]);
    }
  });

  it('the gateway’s image starts the bundle, with what belongs to it, and no modules beside it', () => {
    const image = readText('infra/Dockerfile');
    const flags = NODE_FLAGS.map((flag) => `"${flag}", `).join('');
    expect(image).toContain(`ENTRYPOINT ["node", ${flags}"/app/dist/bundle/main.js"]\n`);
    // Under other flags the engine would take nothing of what was compiled while the image was built.
    expect(image).toContain(
      `node ${NODE_FLAGS.join(' ')} \\\n    $(printf -- '--import %s ' /app/dist/bundle/part-*.js)`,
    );
    const manual = readText('docs/how-to/SETUP.md');
    expect(manual).toContain(`bin/node ${NODE_FLAGS.join(' ')} \\\n  /opt/mosaic/dist/bundle/main.js`);
    const copied = Array.from(image.matchAll(/^COPY --from=build (\S+) (\S+)$/gm), ([, from, to]) => [
      from,
      to,
    ]);
    expect(copied.filter(([from]) => from?.startsWith('/src/'))).toEqual([
      ['/src/dist/bundle', './dist/bundle'],
      ['/src/dist/db', './dist/db'],
    ]);
    // Read by the gateway's user, written by nobody: what is read there gets run.
    expect(image).toMatch(/chown -R 0:0 \.cache \\\n && chmod -R a\+rX,go-w \.cache\n/);
    expect(image).toContain('NODE_COMPILE_CACHE=/app/.cache/compiled');
  });

  it('the front is configured for the paths that are mounted', () => {
    const folder = mkdtempSync(join(tmpdir(), 'mosaic-front-'));
    try {
      writeFrontConfig(folder);
      expect(readdirSync(folder).toSorted()).toEqual([
        'client-cert.js',
        'mime-types.conf',
        'nginx.conf',
        'proxy-headers.conf',
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
    expect(readText('infra/Dockerfile')).toContain(`COPY --from=build /out/nginx ${FRONT.configFolder}\n`);
    const proxied = PROXIED_FRONT.configFolder;
    expect(readText('infra/Dockerfile')).toContain(`COPY --from=build /out/nginx-proxied ${proxied}\n`);
    expect(readText('infra/swarm/docker-stack.yml')).toContain(`FRONT_CONFIG: ${proxied}/nginx.conf`);
    const script = readText('infra/docker/front-entrypoint.sh');
    expect(script).toContain(`${FRONT.configFolder}/nginx.conf`);
    expect(script).toContain(dirname(FRONT.serverKey));
  });

  it('every log of the front leads where a container without a writable disk may write', () => {
    const logs = new Set(
      Array.from(readText('infra/nginx/nginx.conf.tpl').matchAll(/@LOG_DIR@\/([a-z.]+)/g), ([, log]) => log),
    );
    expect(logs.size).toBeGreaterThanOrEqual(3);
    const image = readText('infra/Dockerfile');
    for (const log of logs)
      expect(image).toMatch(
        new RegExp(`ln -s (/dev/std(out|err)|/run/refused/${log}) /var/log/mosaic/${log}\\b`),
      );
    expect(readText('infra/docker/front-entrypoint.sh')).toContain('/run/refused/refused.log');
  });

  it('F-40 make-secrets.sh makes what the compose files name, once, readable in a folder that is not', () => {
    const folder = mkdtempSync(join(tmpdir(), 'mosaic-secrets-'));
    const make = (name = 's') =>
      spawnSync('sh', [join(ROOT, 'infra/docker/make-secrets.sh'), join(folder, name)], {
        env: { ...process.env, STEP_CA_SECRETS: folder },
        encoding: 'utf8',
      });
    try {
      expect(make()).toMatchObject({ status: 0 });
      expect(make()).toMatchObject({ status: 0, stderr: '' });
      expect(make('etc/mosaic/s')).toMatchObject({ status: 0 });
      const wanted = readdirSync(join(ROOT, 'infra/secrets')).filter((name) => name.endsWith('.example'));
      expect(readdirSync(join(folder, 's')).toSorted()).toEqual(
        wanted.map((name) => name.replace('.example', '')).toSorted(),
      );
      for (const name of wanted.filter((one) => one.includes('-url'))) {
        const made = readFileSync(join(folder, 's', name.replace('.example', '')), 'utf8');
        expect(made.replace(/[0-9a-f]{64}/, '')).toBe(
          readText(join('infra/secrets', name)).replace(/<[a-z-]+>/, ''),
        );
      }
      expect(statSync(join(folder, 's')).mode & 0o777).toBe(0o700);
      expect(statSync(join(folder, 'etc/mosaic')).mode & 0o777).toBe(0o755);
      expect(statSync(join(folder, 'etc/mosaic/s')).mode & 0o777).toBe(0o700);
      expect(statSync(join(folder, 's', 'sealing-key')).mode & 0o777).toBe(0o444);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('the health check of the gateway believes a 200 on its socket, and nothing else', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mosaic-health-'));
    const socket = join(folder, 'public.sock');
    let status = 200;
    const server = http.createServer((_request, response) => response.writeHead(status).end());
    const check = async (): Promise<unknown> => {
      const child = spawn(process.execPath, [join(ROOT, 'infra/docker/healthcheck.mjs')], {
        env: { ...process.env, MOSAIC_PUBLIC_SOCKET: socket },
      });
      await once(child, 'exit');
      return child.exitCode;
    };
    try {
      expect(await check()).toBe(1);
      await once(server.listen(socket), 'listening');
      expect(await check()).toBe(0);
      status = 503;
      expect(await check()).toBe(1);
    } finally {
      server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
