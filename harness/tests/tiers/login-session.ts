import postgres from 'postgres';

/** How a statement ended: with rows, or with the SQLSTATE it was refused with. */
export type Outcome = { readonly rows: readonly Record<string, unknown>[] } | { readonly refused: string };

/** One session of a login, as somebody has it who can make it run any SQL. */
export interface LoginSession {
  /** Several statements at once are one transaction; the rows are those of the last. */
  run(text: string): Promise<Outcome>;
  end(): Promise<void>;
}

export const openSession = (url: string, role: string | null = null): LoginSession => {
  const client = postgres(url, {
    max: 1,
    fetch_types: false,
    onnotice: () => undefined,
    ...(role === null ? {} : { connection: { role } }),
  } as postgres.Options<Record<string, never>>);
  return {
    run: async (text) => {
      try {
        const results: unknown = await client.unsafe(text).simple();
        const many =
          Array.isArray(results) && Array.isArray(results[0]) ? (results as unknown[]).at(-1) : results;
        return { rows: Array.from(many as Record<string, unknown>[]) };
      } catch (error) {
        return { refused: String((error as { code?: unknown }).code) };
      }
    },
    end: () => client.end({ timeout: 1 }),
  };
};
