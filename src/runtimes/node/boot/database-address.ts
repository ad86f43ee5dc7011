import type { GatewayConfig } from '../../../config/config.ts';
import type { DatabaseUrls } from '../../../config/settings.ts';
import { readTextFile as readFile } from './read-text.ts';

/** What an address needs of this host: the files that it names. */
interface AddressFiles {
  readonly readFile: (path: string) => string;
  readonly ca?: () => string;
}

type Source = string | (() => string);

/** Where a Postgres is for each login, as db/connect takes it. */
export interface DatabaseSources extends AddressFiles {
  readonly url: Source;
  readonly peersUrl: Source;
  readonly maintenanceUrl?: Source;
}

export const ADDRESS_FILES: AddressFiles = { readFile };

/** With the authorities of `database.ca_path`, where that is set. */
export const addressFiles = (caPath: string | null): AddressFiles =>
  caPath === null ? ADDRESS_FILES : { ...ADDRESS_FILES, ca: () => readFile(caPath) };

const sourceOf = (url: string, file: string | null): Source => (file === null ? url : () => readFile(file));

/** The configured Postgres. Its files are read again for each connection, so that passwords and authorities may change. */
export const databaseSources = (
  { url, peersUrl, maintenanceUrl }: DatabaseUrls,
  { caPath, urlFiles }: GatewayConfig['database'],
): DatabaseSources => ({
  url: sourceOf(url, urlFiles.url),
  peersUrl: sourceOf(peersUrl, urlFiles.peersUrl),
  ...(maintenanceUrl === undefined
    ? {}
    : { maintenanceUrl: sourceOf(maintenanceUrl, urlFiles.maintenanceUrl) }),
  ...addressFiles(caPath),
});
