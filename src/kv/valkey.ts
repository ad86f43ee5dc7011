import type { Redis } from 'iovalkey';
import type { KeyValue } from '../../domain/ports/basics.ts';
import { CommandRefused, unavailable, type Command, type Reply, type TransactionPort } from './commands.ts';
import { keyValueOver } from './over-commands.ts';
import { connectValkey, type ValkeyConnection, type ValkeyOptions } from './valkey-connection.ts';
import { reasonOf, refusalOf } from './valkey-reason.ts';

const translated = (error: unknown, name: string): Error =>
  refusalOf(error) ?? unavailable(`${name}: ${reasonOf(error)}.`);

/**
 * Commands of requests that come in together leave in one write: each write of its own wakes the server, and costs more than
 * the command. What waits goes before the process waits for anything.
 */
const gatherWrites = (redis: Redis): (() => void) => {
  let corked: Redis['stream'] | null = null;
  const send = (): void => {
    corked?.uncork();
    corked = null;
  };
  return () => {
    if (corked !== null) return;
    corked = redis.stream;
    corked.cork();
    setImmediate(send);
  };
};

const commandsOver = (connection: ValkeyConnection): TransactionPort => {
  const { redis, name } = connection;
  const gather = gatherWrites(redis);
  return {
    run: async ([command = '', ...rest]) => {
      connection.assertReady();
      gather();
      try {
        return (await redis.callBuffer(command, ...rest)) as Reply;
      } catch (error) {
        throw translated(error, name);
      }
    },

    transaction: async (commands: readonly Command[]) => {
      connection.assertReady();
      const queue = redis.multi();
      for (const [command = '', ...rest] of commands) queue.callBuffer(command, ...rest);
      try {
        const results = (await queue.exec()) ?? [];
        return results.map(([error, reply]) =>
          error === null ? (reply as Reply) : new CommandRefused(error.message),
        );
      } catch (error) {
        throw translated(error, name);
      }
    },

    close: () => connection.close(),
  };
};

/** A Valkey over TCP as a port of commands, for the bridge. Throws like `connectValkey`. */
export const openValkeyCommands = async (
  options: ValkeyOptions,
): Promise<TransactionPort & { readonly name: string }> => {
  const connection = await connectValkey(options);
  return { ...commandsOver(connection), name: connection.name };
};

/** The key-value port over a Valkey on TCP. Throws like `connectValkey`. */
export const openValkey = async (
  options: ValkeyOptions & { readonly prefix?: string },
): Promise<KeyValue> => {
  const { prefix } = options;
  const port = await openValkeyCommands(options);
  return keyValueOver(port, { name: port.name, ...(prefix === undefined ? {} : { prefix }) });
};
