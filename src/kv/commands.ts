import { MosaicError } from '../../domain/errors.ts';

/** What a server answers to one command. Text comes as bytes or, over a transport of text, as a string. */
export type Reply = null | number | string | Uint8Array | readonly Reply[];

/** The name in upper case, then its arguments. */
export type Command = readonly string[];

/** A way to run commands on a Valkey: over TCP, or over REST. */
export interface CommandPort {
  /**
   * @throws CommandRefused when the server answered with an error
   * @throws MosaicError `unavailable` when it did not answer, or not in time; the command may have run then
   */
  run(command: Command): Promise<Reply>;
  close(): Promise<void>;
}

export interface TransactionPort extends CommandPort {
  /**
   * Runs the commands with no other client's command in between.
   *
   * @throws CommandRefused when one of them was refused before any ran
   * @throws MosaicError `unavailable`
   */
  transaction(commands: readonly Command[]): Promise<readonly (Reply | CommandRefused)[]>;
}

const CODE = /^([A-Z][A-Z0-9]{2,31})\b/;
const MAX_TEXT = 200;

/** The server's own refusal of a command. */
export class CommandRefused extends Error {
  /** First word of the answer: `NOSCRIPT`, `WRONGTYPE`, `OOM`, … */
  readonly code: string;

  constructor(text: string) {
    super(text.slice(0, MAX_TEXT));
    this.name = 'CommandRefused';
    this.code = CODE.exec(text)?.[1] ?? 'ERR';
  }
}

/**
 * The one error callers of the port see. `reason` is for the log: it names the place and what is wrong there,
 * never a password, a token, an argument or a value.
 */
export const unavailable = (reason: string): MosaicError =>
  new MosaicError('unavailable', { cause: new Error(reason) });

export const IS_CLUSTER =
  'it is a cluster, which the gateway does not use; connect to a single primary (docs/reference/key-value.md)';
export const IS_REPLICA = 'it is a read-only replica; connect to the primary';

/** Codes that say something about the server or our account on it, with what to do; never about one command. */
const REASONS: Readonly<Record<string, string>> = {
  WRONGPASS: 'it refused the user name or password; check them',
  NOAUTH: 'it wants a password, and none is configured',
  NOPERM: 'this user may not do what the gateway needs; compare its rights with infra/valkey/make-users.sh',
  OOM: 'its memory is full; raise maxmemory',
  READONLY: IS_REPLICA,
  LOADING: 'it is still loading its data',
  BUSY: 'it is busy with a script',
  MASTERDOWN: 'its primary is down',
  CLUSTERDOWN: 'its cluster is down',
  MOVED: IS_CLUSTER,
};

/** Whether the same command would be accepted later, or by an account with other rights. */
export const isServerTrouble = (refusal: CommandRefused): boolean => Object.hasOwn(REASONS, refusal.code);

/** A refusal as a reason for the log. */
export const reasonOfRefusal = ({ code }: CommandRefused): string =>
  REASONS[code] ?? `it refused a command (${code})`;
