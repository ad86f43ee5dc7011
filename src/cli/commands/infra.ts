import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { fileError, pathOf } from '../../../domain/system-errors.ts';
import type { GatewayConfig } from '../../config/config.ts';
import { ConfigError } from '../../config/issues.ts';
import { collect, group, leaf, print, type OutputOptions } from '../shell/command.ts';
import { configProblem } from '../shell/configuration.ts';
import { usageError } from '../shell/exit.ts';
import { pathError } from '../shell/files.ts';
import { makeFolder } from '../../runtimes/node/boot/make-folder.ts';
import { PACKAGE_ROOT } from '../../runtimes/node/boot/place.ts';
import type { Io } from '../shell/io.ts';
import { frontLimits, readLimit, type FrontLimits } from '../render/nginx/nginx-limits.ts';
import { renderFront, type NginxOptions } from '../render/nginx/nginx.ts';

interface NginxCommand extends OutputOptions {
  readonly config?: string;
  readonly out?: string;
  readonly serverName?: string;
  readonly publicListen: string;
  readonly federationListen: string;
  readonly publicSocket?: readonly string[];
  readonly federationSocket?: readonly string[];
  readonly material?: string;
  readonly runDir: string;
  readonly logDir: string;
  readonly module?: readonly string[];
  readonly limit?: readonly string[];
  readonly proxyFrom?: readonly string[];
  readonly peersFrom?: readonly string[];
  readonly http2?: boolean;
  readonly frontProof: boolean;
}

/** Where Debian has what the configuration needs; elsewhere it is built in, or named by --module. */
const DEBIAN_MODULES = ['ngx_http_js_module', 'ngx_stream_module'].map(
  (name) => `/usr/lib/nginx/modules/${name}.so`,
);
const TEMPLATES = join(PACKAGE_ROOT, 'infra', 'nginx');

type Places = Pick<Required<NginxCommand>, 'publicSocket' | 'federationSocket' | 'material' | 'serverName'>;

const fromConfig = async (io: Io, options: NginxCommand): Promise<Partial<Places>> => {
  const { publicSocket, federationSocket, material, serverName } = options;
  // Then nothing of the gateway's configuration is needed, and its secrets need not be here.
  if (publicSocket && federationSocket && material && serverName) return {};
  const { loadConfigFile } = await import('../../runtimes/node/boot/config-file.ts');
  const load = (): GatewayConfig => {
    try {
      return loadConfigFile({
        env: io.env,
        ...(options.config === undefined ? {} : { path: options.config }),
      }).config;
    } catch (error) {
      throw error instanceof ConfigError ? configProblem(error) : error;
    }
  };
  const { publicSocket: own, federationListener: listener, front, federation } = load();
  return {
    ...(own === null ? {} : { publicSocket: [own] }),
    ...(listener.kind === 'socket' ? { federationSocket: [listener.path] } : {}),
    ...(front === null ? {} : { material: front.directory }),
    ...(federation.url === null ? {} : { serverName: new URL(federation.url).hostname }),
  };
};

const need = <T>(value: T | undefined, option: string, variable: string): T => {
  if (value === undefined)
    throw usageError(`${option} is missing.`, `Name it, or set ${variable} as the gateway has it.`);
  return value;
};

/** @throws RangeError for a limit that is none, or out of its bounds */
const limitsOf = (texts: readonly string[]): FrontLimits =>
  frontLimits(Object.fromEntries(texts.map(readLimit)));

const optionsOf = (given: NginxCommand, found: Partial<Places>): NginxOptions => {
  const material = need(given.material ?? found.material, '--material', 'MOSAIC_FRONT_DIRECTORY');
  return {
    configFolder: given.out ?? '.',
    runFolder: given.runDir,
    logFolder: given.logDir,
    modules: given.module ?? DEBIAN_MODULES.filter((file) => existsSync(file)),
    workers: 'auto',
    daemon: false,
    serverName: need(given.serverName ?? found.serverName, '--server-name', 'FEDERATION_URL'),
    publicListen: given.publicListen,
    federationListen: given.federationListen,
    serverCertificate: join(material, 'server.pem'),
    serverKey: join(material, 'server.key'),
    clientAuthorities: join(material, 'client-ca.pem'),
    revocationLists: join(material, 'crl.pem'),
    publicSockets: need(given.publicSocket ?? found.publicSocket, '--public-socket', 'MOSAIC_PUBLIC_SOCKET'),
    federationSockets: need(
      given.federationSocket ?? found.federationSocket,
      '--federation-socket',
      'MOSAIC_FEDERATION_SOCKET',
    ),
    frontProof: given.frontProof ? join(material, 'front-proof.conf') : null,
    proxies: given.proxyFrom ?? [],
    peerNetworks: given.peersFrom ?? [],
    isHttp2: given.http2 === true,
    limits: limitsOf(given.limit ?? []),
  };
};

const render = (given: NginxCommand, found: Partial<Places>): ReadonlyMap<string, string> => {
  try {
    return renderFront((name) => readFileSync(join(TEMPLATES, name), 'utf8'), optionsOf(given, found));
  } catch (error) {
    throw error instanceof RangeError ? usageError(`${error.message}.`) : error;
  }
};

const writeAll = (folder: string, files: ReadonlyMap<string, string>): void => {
  try {
    makeFolder(folder);
    for (const [name, text] of files) writeFileSync(join(folder, name), text);
  } catch (error) {
    throw pathError(pathOf(error) ?? folder, 'cannot be written', fileError(error));
  }
};

const nginx = async (io: Io, given: NginxCommand): Promise<void> => {
  const files = render(given, await fromConfig(io, given));
  const { out } = given;
  if (out === undefined) {
    const rendered = files.get('nginx.conf') ?? '';
    print(io, given, { 'nginx.conf': rendered }, () => rendered);
    return;
  }
  writeAll(out, files);
  const written = [...files.keys()].map((name) => join(out, name));
  print(
    io,
    given,
    { files: written },
    () => `Written: ${written.join(', ')}\nTest: nginx -t -c ${join(out, 'nginx.conf')}\n`,
  );
};

export const addInfra = (program: Command, io: Io): void => {
  const infra = group(program, 'infra', 'Configuration of what runs beside a gateway.', [
    'mosaic infra nginx --out /etc/mosaic/nginx',
  ]);
  leaf(infra, 'nginx', 'Render the configuration of the nginx in front of a gateway.', [
    'mosaic infra nginx --out /etc/mosaic/nginx --server-name federation.example.org',
    'mosaic infra nginx --out n --server-name _ --public-socket a.sock --federation-socket b.sock --material front',
  ])
    .option('--out <folder>', 'write nginx.conf and what it includes there; absent: print nginx.conf')
    .option('--config <file>', 'configuration of the gateway (default mosaic.config.json, when there is one)')
    .option('--server-name <name>', 'name of the server (default: the host of federation.url)')
    .option('--public-listen <address>', 'port, or address:port, for people and enrollment', '4443')
    .option('--federation-listen <address>', 'port, or address:port, for peers', '8443')
    .option(
      '--public-socket <path>',
      'socket of a replica, repeatable (default: of the configuration)',
      collect,
    )
    .option('--federation-socket <path>', 'socket of a replica for peers, repeatable', collect)
    .option('--material <folder>', 'folder of certificate and lists (default: front.directory)')
    .option('--run-dir <folder>', 'folder of the pid file and of temporary files', '/run/nginx-mosaic')
    .option('--log-dir <folder>', 'folder of the logs', '/var/log/mosaic')
    .option(
      '--module <file>',
      'module to load, repeatable (default: njs and stream, where Debian has them)',
      collect,
    )
    .option(
      '--limit <name=number>',
      'one of the limits of docs/reference/configuration.md, repeatable',
      collect,
    )
    .option(
      '--proxy-from <cidr>',
      'addresses of a proxy that passes TLS on with the PROXY protocol, repeatable; then everybody must come through it',
      collect,
    )
    .option(
      '--peers-from <cidr>',
      'network of a known peer, repeatable; a quarter of the connections to the federation listener is kept for these',
      collect,
    )
    .option('--http2', 'let people and programs use HTTP/2 on the public listener')
    .option(
      '--no-front-proof',
      'for a gateway with front.require_proof false: render a front that sends no proof',
    )
    .action((options: NginxCommand) => nginx(io, options));
};
