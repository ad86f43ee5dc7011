import type {
  AuthorizedCapabilities,
  AuthorizedGet,
  AuthorizedList,
  AuthorizedSearch,
} from '../access/decide.ts';
import type { CursorPosition } from '../paging/cursor.ts';
import type { AuthorizedWrite } from '../access/write.ts';
import type { ResourceRow } from '../resources.ts';
import type { HitPage } from '../search/hit.ts';
import type { Page } from './page.ts';

/** `admitted: false`: the fence did not hold in the statement (grant or certificate changed meanwhile). Re-read the grant once. */
export type Fenced<T> = { readonly admitted: true; readonly value: T } | { readonly admitted: false };

/** A page whose rows are JSON already: to be passed on, not to be looked into. */
export interface JsonPage {
  /** What stands between the brackets of `items`: what `JSON.stringify` makes of each row, comma between. */
  readonly json: string;
  readonly count: number;
  readonly next: CursorPosition | null;
}

/** Reads rows, given the proof that the read was decided. Each method is one statement. */
export interface ResourceReader {
  capabilities(read: AuthorizedCapabilities): Promise<Fenced<null>>;
  list(read: AuthorizedList): Promise<Fenced<Page<ResourceRow>>>;
  /** The same rows, as the text of an answer. */
  listJson(read: AuthorizedList): Promise<Fenced<JsonPage>>;
  get(read: AuthorizedGet): Promise<Fenced<ResourceRow | null>>;
  search(read: AuthorizedSearch): Promise<Fenced<HitPage>>;
}

export interface NewRow {
  readonly id: string;
  readonly teamId: string | null;
  readonly fields: Readonly<Record<string, string | null>>;
  /** Sealed secret material of a sensitive resource, identity `<resource>/<id>/secret`; never read back by any route. */
  readonly secretSealed: string | null;
  readonly createdAt: Date;
}

export interface RowPatch {
  readonly fields: Readonly<Record<string, string | null>>;
  readonly secretSealed?: string | null;
  readonly updatedAt: Date;
}

/** Writes at the own gateway, under row-level security as the acting user. */
export interface ResourceWriter {
  /** @returns null when the person is not a member of the team */
  insert(write: AuthorizedWrite, row: NewRow): Promise<ResourceRow | null>;
  /** @returns null when the row does not exist or is not visible to the person */
  update(write: AuthorizedWrite, id: string, patch: RowPatch): Promise<ResourceRow | null>;
  /** `forbidden`: visible, but deleting a team's row takes its author or an admin of the team. */
  delete(write: AuthorizedWrite, id: string): Promise<'deleted' | 'absent' | 'forbidden'>;
}
