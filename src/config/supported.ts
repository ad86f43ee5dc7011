import type { GatewayConfig } from './config.ts';
import { ConfigError, type ConfigIssue } from './issues.ts';

/**
 * Refuses what the schema allows and this version does not have yet, part by part.
 * @throws ConfigError
 */
export const assertSupported = ({ tier, kv, ca }: GatewayConfig): void => {
  const issues: ConfigIssue[] = [];
  if (tier === 'federated') {
    issues.push({
      path: 'tier',
      message: 'federated is not part of this version',
      expected: 'local, or standalone',
    });
  }
  if (kv.type === 'valkey') {
    issues.push({ path: 'kv.type', message: 'this version has no Valkey adapter', expected: 'memory' });
  }
  if (ca.type === 'step-ca') {
    issues.push({ path: 'ca.type', message: 'this version has no step-ca adapter', expected: 'embedded' });
  }
  if (issues.length > 0)
    throw new ConfigError(issues, 'This version of the gateway can not start that configuration:');
};
