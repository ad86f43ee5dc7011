import { bodyLimitOf } from '../../../../domain/limits.ts';
import { frontLimits, type FrontLimits } from './nginx-limits.ts';
import { pathMap } from './nginx-paths.ts';
import { certificateProblems, problemLocations } from './nginx-problems.ts';

/** Renders the operators' nginx configuration. Pure: the templates' texts in, the configuration out. */
export interface NginxOptions {
  /** Folder of the rendered files: nginx.conf, client-cert.js and the includes. */
  readonly configFolder: string;
  readonly runFolder: string;
  readonly logFolder: string;
  /** Modules to load, absolute paths; empty where the distribution loads them itself. */
  readonly modules: readonly string[];
  readonly workers: number | 'auto';
  readonly daemon: boolean;
  readonly serverName: string;
  /** `address:port` or `port`. */
  readonly publicListen: string;
  readonly federationListen: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
  /** Root and intermediate, PEM. */
  readonly clientAuthorities: string;
  /** Revocation lists of both, PEM. */
  readonly revocationLists: string;
  /** Unix sockets of the gateway's replicas. */
  readonly publicSockets: readonly string[];
  readonly federationSockets: readonly string[];
  /** What the front proves itself to the gateway with, made by it in `front.directory`; null: the front does not. */
  readonly frontProof: string | null;
  /**
   * Addresses (CIDR) of proxies that pass TLS on to both listeners and say by the PROXY protocol for whom; empty: there is none, and
   * nobody's word is taken.
   */
  readonly proxies?: readonly string[];
  /** Networks (CIDR) of known peers, for which a part of the federation listener's connections is kept; empty: nothing is kept. */
  readonly peerNetworks?: readonly string[];
  /** Whether people may use HTTP/2. */
  readonly isHttp2?: boolean;
  /** Instead of the defaults of nginx-limits.ts. */
  readonly limits?: Partial<FrontLimits>;
}

/** Files of infra/nginx, beside nginx.conf.tpl, that the configuration consists of. */
const INCLUDED = ['client-cert.js', 'proxy-headers.conf', 'mime-types.conf'] as const;

/** Paths and names end up inside nginx directives, where a space or a semicolon would begin another one. */
const SAFE = /^[A-Za-z0-9_./:[\]*-]+$/;

const checked = (name: string, value: string): string => {
  if (!SAFE.test(value))
    throw new RangeError(`${name}: ${JSON.stringify(value)} has characters that nginx would misread`);
  return value;
};

const upstreams = (name: string, sockets: readonly string[], most: string): string => {
  if (sockets.length === 0) throw new RangeError(`${name}: at least one socket is needed`);
  return sockets
    .map((socket) => `    server unix:${checked(name, socket)} max_conns=${most} max_fails=0;`)
    .join('\n');
};

/**
 * Who somebody is counted as, in `stream` and in `http` alike: the address, and of IPv6 the /64, which one household or machine has. Of the
 * bytes, since one /64 is written in several ways. An IPv4 address that comes as IPv6 (`ipv6only=off`) is the IPv4 address.
 */
const NETWORK_MAP = String.raw`  map $binary_remote_addr $mosaic_network {
    default $binary_remote_addr;
    "~^\x00{10}\xff\xff(?<mosaic_mapped>[\x00-\xff]{4})$" $mosaic_mapped;
    "~^(?<mosaic_eight>[\x00-\xff]{8})[\x00-\xff]{8}$" $mosaic_eight;
  }`;

/** Files beside connections: logs, certificates, sockets. */
const OTHER_FILES = 512;
const PAGE_BURST = 10;

const limitValues = (chosen: Partial<FrontLimits> | undefined): Readonly<Record<string, string>> => {
  const limits = frontLimits(chosen);
  const values = {
    CONNECTIONS: limits.connections_per_worker,
    OPEN_FILES: limits.connections_per_worker + OTHER_FILES,
    ADDRESS_CONNECTIONS: limits.connections_per_address,
    NEIGHBOURS_CONNECTIONS: limits.connections_per_network,
    LISTENER_CONNECTIONS: limits.connections_per_listener,
    CONCURRENT: limits.concurrent_requests,
    ADDRESS_CONCURRENT: limits.concurrent_per_address,
    ADDRESS_BODIES: limits.bodies_per_address,
    CERTIFICATE_CONCURRENT: limits.concurrent_per_certificate,
    ADDRESS_RATE: limits.requests_per_address,
    ADDRESS_BURST: 2 * limits.requests_per_address,
    CERTIFICATE_RATE: limits.requests_per_certificate,
    CERTIFICATE_BURST: 2 * limits.requests_per_certificate,
    PAGE_RATE: limits.pages_per_address,
    PAGE_BURST: PAGE_BURST * limits.pages_per_address,
    REQUESTS_PER_CONNECTION: limits.requests_per_connection,
    STREAMS: limits.streams_per_connection,
    BODY: limits.body_kilobytes,
    RESOURCE_BODY: limits.resource_body_kilobytes,
    GRANT_BODY: Math.max(limits.body_kilobytes, bodyLimitOf('/api/admin/grants').bytes / 1_024),
    KEPT: limits.kept_to_gateway,
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
};

/** Replaces whatever a client sent under the proof's name, also where the front proves nothing. */
const proofLine = (file: string | null): string =>
  file === null
    ? '      proxy_set_header Mosaic-Front-Proof "";'
    : `      include ${checked('frontProof', file)};`;

const CIDR = /^[0-9a-fA-F.:]+(?:\/\d{1,3})?$/;

const ranges = (name: string, given: readonly string[]): readonly string[] => {
  for (const one of given)
    if (!CIDR.test(one)) throw new RangeError(`${name}: ${JSON.stringify(one)} is no address or CIDR range`);
  return given;
};

const trusted = (proxies: readonly string[]): string =>
  proxies.length === 0
    ? ''
    : [
        '  proxy_protocol_timeout 5s;',
        ...ranges('proxies', proxies).map((proxy) => `  set_real_ip_from ${proxy};`),
      ].join('\n');

/** What all networks but those of known peers may have of a listener. */
const OF_STRANGERS = 0.75;

/** Nobody has shown a certificate yet where connections are counted, so that a network is all a peer can be known by. */
const kept = (networks: readonly string[], most: number): Readonly<Record<string, string>> =>
  networks.length === 0
    ? { PEER_NETWORKS: '', PEER_ROOM: '' }
    : {
        PEER_NETWORKS: [
          '  # An empty key counts nothing: peers’ networks have the whole listener, all others a part of it.',
          '  geo $mosaic_elsewhere {',
          '    default 1;',
          ...ranges('peerNetworks', networks).map((network) => `    ${network} "";`),
          '  }',
          '  limit_conn_zone $mosaic_elsewhere zone=federation_elsewhere:64k;',
        ].join('\n'),
        PEER_ROOM: `    limit_conn federation_elsewhere ${Math.floor(most * OF_STRANGERS)};`,
      };

const fill = (template: string, values: Readonly<Record<string, string>>): string =>
  template.replaceAll(/@([A-Z0-9_]+)@/g, (_placeholder, name: string) => {
    const value = values[name];
    if (value === undefined) throw new RangeError(`the template asks for ${name}, which nothing fills`);
    return value;
  });

/** @throws RangeError for a value that can't stand in an nginx directive, and for a placeholder nobody filled */
export const renderNginx = (template: string, options: NginxOptions): string => {
  const limits = limitValues(options.limits);
  const concurrent = limits['CONCURRENT'] ?? '';
  const isHttp2 = options.isHttp2 === true;
  const { proxies = [], peerNetworks = [] } = options;
  return fill(template, {
    ...limits,
    LOAD_MODULES: options.modules.map((module) => `load_module ${checked('modules', module)};`).join('\n'),
    WORKERS: String(options.workers),
    RUN_DIR: checked('runFolder', options.runFolder),
    LOG_DIR: checked('logFolder', options.logFolder),
    CONF_DIR: checked('configFolder', options.configFolder),
    DAEMON: `daemon ${options.daemon ? 'on' : 'off'};`,
    SERVER_NAME: checked('serverName', options.serverName),
    PUBLIC_LISTEN: checked('publicListen', options.publicListen),
    FEDERATION_LISTEN: checked('federationListen', options.federationListen),
    SERVER_CERT: checked('serverCertificate', options.serverCertificate),
    SERVER_KEY: checked('serverKey', options.serverKey),
    CLIENT_CA: checked('clientAuthorities', options.clientAuthorities),
    CRL: checked('revocationLists', options.revocationLists),
    PUBLIC_UPSTREAMS: upstreams('publicSockets', options.publicSockets, concurrent),
    FEDERATION_UPSTREAMS: upstreams('federationSockets', options.federationSockets, concurrent),
    FRONT_PROOF: proofLine(options.frontProof),
    NETWORKS: NETWORK_MAP,
    BEHIND_PROXY: proxies.length > 0 ? ' proxy_protocol' : '',
    TRUSTED_PROXIES: trusted(proxies),
    ...kept(peerNetworks, frontLimits(options.limits).connections_per_listener),
    LOGGED_PATHS: pathMap(),
    PROBLEMS: problemLocations(),
    HTTP2: isHttp2 ? ' http2' : '',
    HTTP2_STREAMS: isHttp2 ? `    http2_max_concurrent_streams ${limits['STREAMS'] ?? ''};` : '',
  });
};

/**
 * All files of the configuration by name, nginx.conf the last one: whoever finds it finds what it includes.
 * @param read the text of a file of infra/nginx
 * @throws RangeError as `renderNginx`
 */
export const renderFront = (
  read: (name: string) => string,
  options: NginxOptions,
): ReadonlyMap<string, string> =>
  new Map([
    ...INCLUDED.map(
      (name) => [name, read(name).replace("'@CERTIFICATE_PROBLEMS@'", certificateProblems)] as const,
    ),
    ['nginx.conf', renderNginx(read('nginx.conf.tpl'), options)] as const,
  ]);
