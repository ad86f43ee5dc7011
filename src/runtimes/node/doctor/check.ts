export type Status = 'green' | 'yellow' | 'red';

/** One line of the doctor's report. */
export interface Check {
  readonly name: string;
  readonly status: Status;
  /** `host:port`, or a path. */
  readonly where: string | null;
  readonly ms: number | null;
  readonly message: string;
  readonly remedy: string | null;
}

/** One line, of which only what is known is given. */
export const check = (
  name: string,
  status: Status,
  message: string,
  rest: Partial<Pick<Check, 'where' | 'ms' | 'remedy'>> = {},
): Check => ({ name, status, where: null, ms: null, remedy: null, message, ...rest });
