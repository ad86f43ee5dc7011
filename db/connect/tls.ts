import {
  isLocalHost,
  isSocketFolder,
  type DatabaseAddress,
  type SslMode,
} from '../../domain/database/address.ts';

export interface TlsSources {
  /** PEM of the authorities to trust, in place of the system's. An `sslrootcert` in the address wins. */
  readonly ca?: () => string;
  /** Reads the files that an address names; absent where there are none. */
  readonly readFile?: (path: string) => string;
}

/** What postgres.js takes as `ssl`: its own words, or options of `tls.connect`. */
export type TlsOptions = false | 'prefer' | Readonly<Record<string, unknown>>;

const isIpAddress = (host: string): boolean => host.includes(':') || /^[\d.]+$/.test(host);

const read = ({ readFile }: TlsSources, path: string): string => {
  if (readFile === undefined) throw new Error('this runtime reads no files');
  return readFile(path);
};

/**
 * libpq's meaning of `sslmode`, with one difference: to another host without a word about it, everything is verified.
 * `require` verifies the chain where an authority is named, and nothing otherwise.
 */
const modeOf = ({ sslMode, sslRootCert }: DatabaseAddress, host: string, sources: TlsSources): SslMode => {
  if (isSocketFolder(host)) return 'disable';
  if (sslRootCert === 'system') return 'verify-full';
  const mode = sslMode ?? (isLocalHost(host) ? 'disable' : 'verify-full');
  const isNamed = sslRootCert !== null || sources.ca !== undefined;
  return mode === 'require' && isNamed ? 'verify-ca' : mode;
};

const authoritiesOf = ({ sslRootCert }: DatabaseAddress, sources: TlsSources): { readonly ca?: string } => {
  if (sslRootCert === 'system') return {};
  if (sslRootCert !== null) return { ca: read(sources, sslRootCert) };
  return sources.ca === undefined ? {} : { ca: sources.ca() };
};

/** How one host of an address is connected to. Files are read each time. @throws what reading a file throws */
export const tlsOf = (address: DatabaseAddress, host: string, sources: TlsSources): TlsOptions => {
  const mode = modeOf(address, host, sources);
  if (mode === 'disable') return false;
  if (mode === 'prefer') return 'prefer';
  const { sslCert, sslKey } = address;
  const own = {
    ...(sslCert === null ? {} : { cert: read(sources, sslCert) }),
    ...(sslKey === null ? {} : { key: read(sources, sslKey) }),
  };
  if (mode === 'require') return { ...own, rejectUnauthorized: false };
  const verified = { ...own, ...authoritiesOf(address, sources), rejectUnauthorized: true };
  if (mode === 'verify-ca') return { ...verified, checkServerIdentity: () => undefined };
  // A name is taken from the connection. An address has no server name, and Node would compare with "localhost".
  return isIpAddress(host) ? { ...verified, host } : verified;
};
