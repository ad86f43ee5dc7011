import { describe, expect, it } from 'vitest';
import { ENVIRONMENT } from './environment.ts';
import { loadConfig } from './load.ts';
import { OTHER_VARIABLES, unknownVariables } from './unknown.ts';

describe('F-78 variables that set nothing', () => {
  it('finds a slip in a name, and what was meant', () => {
    expect(unknownVariables(['MOSAIC_TEIR', 'FEDERATION_ULR', 'MOSAIC_SOMETHING_ELSE_ALTOGETHER'])).toEqual([
      { name: 'MOSAIC_TEIR', meant: 'MOSAIC_TIER' },
      { name: 'FEDERATION_ULR', meant: 'FEDERATION_URL' },
      { name: 'MOSAIC_SOMETHING_ELSE_ALTOGETHER', meant: null },
    ]);
  });

  it('knows every setting, the files of secrets, and what a runtime reads besides; and leaves other programs’ alone', () => {
    const names = ENVIRONMENT.map(({ variable }) => variable);
    expect(unknownVariables([...names, 'MOSAIC_SEALING_KEY_FILE', 'PATH', 'HYPERDRIVE'])).toEqual([]);
    expect(unknownVariables(['MOSAIC_PEER_BINDINGS'], ['MOSAIC_PEER_BINDINGS'])).toEqual([]);
    expect(unknownVariables(['MOSAIC_TIER_FILE'])).toHaveLength(1);
  });
  it('is told in words where a configuration is read, each name once', () => {
    const env = {
      MOSAIC_PUBLC_PORT: '8080',
      MOSAIC_SOMETHING_ELSE_ALTOGETHER: 'x',
      MOSAIC_LOG_LEVLE: '',
      ...Object.fromEntries(Object.keys(OTHER_VARIABLES).map((name) => [name, 'x'])),
    };
    expect(loadConfig({ env }).warnings).toEqual([
      'The environment variable MOSAIC_PUBLC_PORT sets nothing: did you mean MOSAIC_PUBLIC_PORT?',
      'The environment variable MOSAIC_SOMETHING_ELSE_ALTOGETHER sets nothing: no setting has that name.',
    ]);
  });

  it('knows what other programs of this product read, but not where a runtime has variables of its own', () => {
    expect(unknownVariables(Object.keys(OTHER_VARIABLES))).toEqual([]);
    expect(unknownVariables(['MOSAIC_TOKEN'], ['MOSAIC_PEER_BINDINGS'])).toHaveLength(1);
  });
  it('stands beside the faults of a configuration that it may be the reason of', () => {
    expect(() => loadConfig({ env: { MOSAIC_TIER: 'federated', MOSAIC_SEALING_KYE: 'x' } })).toThrow(
      /MOSAIC_SEALING_KYE: is no setting of this gateway; expected MOSAIC_SEALING_KEY/,
    );
  });
});
