import type { Issue } from '../../domain/errors.ts';

/** A fault of the configuration, with the place it came from. It never holds the value: that may be a secret. */
export interface ConfigIssue extends Issue {
  /** The environment variable that set the value, when it did not come from the file. */
  readonly variable?: string;
}

const line = ({ path, message, expected, variable }: ConfigIssue): string => {
  const place = variable === undefined ? path : path === '$' ? variable : `${variable} (${path})`;
  return `  ${place}: ${message}${expected === undefined ? '' : `; expected ${expected}`}`;
};

/** The configuration cannot be used. The message is what an operator reads: every fault with its path. */
export class ConfigError extends Error {
  readonly issues: readonly ConfigIssue[];
  /** Of what: one sentence that ends with a colon. */
  readonly headline: string;

  constructor(issues: readonly ConfigIssue[], headline = 'The configuration is not valid:') {
    super([headline, ...issues.map(line)].join('\n'));
    this.name = 'ConfigError';
    this.issues = issues;
    this.headline = headline;
  }
}
