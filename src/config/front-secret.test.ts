import { describe, expect, it } from 'vitest';
import { ConfigError, type ConfigIssue } from './issues.ts';
import { loadConfig, type ConfigSources } from './load.ts';

const withFields = (fields: Record<string, unknown>): ConfigSources => ({ file: { version: 2, ...fields } });

const issuesOf = (sources: ConfigSources): readonly ConfigIssue[] => {
  try {
    loadConfig(sources);
  } catch (error) {
    if (error instanceof ConfigError) return error.issues;
    throw error;
  }
  return [];
};

describe('configuration: the front', () => {
  it('F-36 a front of another one proves itself by a secret, which no other front has and no message shows', () => {
    const secret = 'canary-of-a-front-with-32-letters';
    const behind = { socket: '/s', front_secret: secret };
    const federation = { url: 'https://a' };
    expect(
      loadConfig(withFields({ listen: { federation: behind }, federation })).config.federationListener,
    ).toEqual({
      kind: 'socket',
      path: '/s',
      frontSecret: secret,
    });
    const wrong = [
      { listen: { federation: { front_secret: secret } } },
      { listen: { federation: behind }, federation, front: { directory: '/f' } },
      { listen: { federation: { ...behind, front_secret: 'canary' } }, federation },
    ];
    for (const fields of wrong) {
      const issues = issuesOf(withFields(fields));
      expect(issues.map(({ path }) => path)).toEqual(['listen.federation.front_secret']);
      expect(JSON.stringify(issues)).not.toContain('canary');
    }
  });
});
