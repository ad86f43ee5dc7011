import type { ConfigError } from '../../config/issues.ts';
import { CliError, EXIT } from './exit.ts';

/** A configuration that is not valid, fault by fault. */
export const configProblem = (error: ConfigError): CliError => {
  const title = error.headline.replace(/:$/, '.');
  const issues = error.issues.map(({ path, message, expected, variable }) => ({
    path: variable === undefined ? path : `${path} (${variable})`,
    message,
    ...(expected === undefined ? {} : { expected }),
  }));
  return new CliError(EXIT.usage, { code: 'invalid_configuration', title, issues }, error);
};
