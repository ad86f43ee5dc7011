import type postgres from 'postgres';
import { DatabaseFault } from './errors.ts';
import type { Param } from './driver.ts';

export type PostgresClient = postgres.Sql<Record<string, never>>;

export interface ClientEvents {
  /** The connection is gone. */
  readonly onclose: () => void;
  /** Something was said on a channel that the connection listens to. */
  readonly onnotify: (channel: string) => void;
}

/** Makes a client of postgres.js that holds one connection (`max: 1`) and never opens a second one by itself. */
export type MakeClient = (events: ClientEvents) => PostgresClient;

/** How a statement is sent: prepared with rows as objects, prepared with rows as arrays, or as a script of several. */
export type Shape = 'objects' | 'values' | 'script';

export interface Answer {
  readonly rows: readonly unknown[];
  /** The command tag of the last statement, for example `COMMIT`. */
  readonly command: string;
}

/** One session at the server. It ends once, for good: whoever wants another one opens it. */
export interface Connection {
  /** `pid@start` as `pg_stat_activity` has them; null where the server does not tell. */
  readonly session: string | null;
  readonly isOver: boolean;
  /** Sends at once; several may be under way. Rejects with what postgres.js threw. */
  send(text: string, params: readonly Param[], shape: Shape): Promise<Answer>;
  /** Ends it without waiting for the server; what is under way is rejected. */
  destroy(): void;
  /** Ends it when what is under way was answered, within five seconds. */
  end(): Promise<void>;
}

export interface ConnectionEvents {
  /** Called once, when the connection is over for whatever reason. */
  readonly onOver: () => void;
  readonly onnotify?: (channel: string) => void;
  /** Longest that connecting and the check take, in milliseconds: the library watches over its own part alone. */
  readonly limitMs: number;
}

const END_SECONDS = 5;

const toText = (param: Param): string | null =>
  param === null ? null : typeof param === 'boolean' ? (param ? 't' : 'f') : String(param);

const textField = (error: unknown, name: string): string | undefined => {
  const value: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;
  return typeof value === 'string' ? value : undefined;
};

/**
 * Whether nothing may follow on a session after that error. Only an ERROR of the server leaves it whole. A transaction
 * that turned out to be read-only (25006) ends it too: the server has become another one than was asked for.
 */
const endsSession = (error: unknown): boolean =>
  textField(error, 'severity') !== 'ERROR' || textField(error, 'code') === '25006';

type Asked = Pick<postgres.PendingQuery<postgres.Row[]>, 'cancel'>;

/** The library notes the session that a statement went to; its types do not know of it. */
const isUnsent = (query: Asked): boolean => Reflect.get(query, 'state') === null;

/**
 * Opens a connection and learns whose it is.
 *
 * @param check the first thing that is run on it: returns the session's name, throws when the session must not be used
 * @throws what postgres.js or `check` threw
 */
export const openConnection = async (
  make: MakeClient,
  check: (connection: Connection) => Promise<string | null>,
  { onOver, onnotify, limitMs }: ConnectionEvents,
): Promise<Connection> => {
  let isOver = false;
  let session: string | null = null;
  const unanswered = new Set<Asked>();
  const over = (): void => {
    if (isOver) return;
    isOver = true;
    onOver();
  };
  const onclose = (): void => {
    over();
    // What was not sent yet, postgres.js would send on a connection that it opens for it.
    for (const query of unanswered) if (isUnsent(query)) query.cancel();
  };
  const client = make({ onclose, onnotify: (channel) => onnotify?.(channel) });

  const ask = async (text: string, params: readonly Param[], shape: Shape): Promise<Answer> => {
    // postgres.js would open another connection, without the checks and in the middle of a transaction.
    if (isOver) throw new DatabaseFault('CONNECTION_CLOSED', 'the connection is over');
    const query = client.unsafe(text, params.map(toText), { prepare: true });
    unanswered.add(query);
    try {
      const rows = await (shape === 'script' ? query.simple() : shape === 'values' ? query.values() : query);
      return { rows, command: rows.command };
    } catch (error) {
      if (isOver && isUnsent(query)) throw new DatabaseFault('CONNECTION_CLOSED', 'the connection is over');
      throw error;
    } finally {
      unanswered.delete(query);
    }
  };
  const connection: Connection = {
    get session() {
      return session;
    },
    get isOver() {
      return isOver;
    },
    send: async (text, params, shape) => {
      try {
        return await ask(text, params, shape);
      } catch (error) {
        if (!isOver && endsSession(error)) connection.destroy();
        throw error;
      }
    },
    destroy: () => {
      over();
      // Never rejects; it takes no notice of the server.
      void client.end({ timeout: 0 });
    },
    end: async () => {
      over();
      await client.end({ timeout: END_SECONDS });
    },
  };
  const timer = setTimeout(() => connection.destroy(), limitMs);
  try {
    session = await check(connection);
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
};
