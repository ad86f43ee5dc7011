/** Renders the operators' nginx configuration. Pure: the template's text in, the configuration out. */
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
}

/** Paths and names end up inside nginx directives, where a space or a semicolon would begin another one. */
const SAFE = /^[A-Za-z0-9_./:[\]*-]+$/;

const checked = (name: string, value: string): string => {
  if (!SAFE.test(value))
    throw new RangeError(`${name}: ${JSON.stringify(value)} has characters that nginx would misread`);
  return value;
};

const upstreams = (name: string, sockets: readonly string[]): string => {
  if (sockets.length === 0) throw new RangeError(`${name}: at least one socket is needed`);
  return sockets
    .map((socket) => `    server unix:${checked(name, socket)} max_fails=3 fail_timeout=2s;`)
    .join('\n');
};

/** @throws RangeError for a value that can't stand in an nginx directive, and for a placeholder nobody filled */
export const renderNginx = (template: string, options: NginxOptions): string => {
  const values: Readonly<Record<string, string>> = {
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
    PUBLIC_UPSTREAMS: upstreams('publicSockets', options.publicSockets),
    FEDERATION_UPSTREAMS: upstreams('federationSockets', options.federationSockets),
  };
  return template.replaceAll(/@([A-Z_]+)@/g, (_placeholder, name: string) => {
    const value = values[name];
    if (value === undefined) throw new RangeError(`the template asks for ${name}, which nothing fills`);
    return value;
  });
};
