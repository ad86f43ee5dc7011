import { describe, expect, it } from 'vitest';
import { ENVIRONMENT } from './environment.ts';
import { unknownVariables } from './unknown.ts';

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
});
