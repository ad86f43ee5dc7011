/** The grants that `seed` knows (SPEC "Harness"). */
export const VARIANTS = ['variantA', 'variantB', 'variantC'] as const;
export type Variant = (typeof VARIANTS)[number];

export interface VariantTerms {
  /** What A calls the peer it becomes. */
  readonly peerName: string;
  readonly scope: Readonly<Record<string, unknown>>;
  readonly approveSensitive: boolean;
  /** Resources that are excluded afterwards by hand, in B's database: such a scope could not be created. */
  readonly excludedByHand: readonly string[];
}

const MAX_ROWS = 100;

export const termsOf = (variant: Variant, teamT1: string): VariantTerms => {
  const plain = { approveSensitive: false, excludedByHand: [] };
  switch (variant) {
    case 'variantA':
      return {
        ...plain,
        peerName: 'work-a',
        scope: { resources: ['tasks', 'notes'], max_rows_per_query: MAX_ROWS },
      };
    case 'variantB':
      return {
        ...plain,
        peerName: 'work-b',
        scope: {
          resources: ['tasks'],
          filters: { tasks: { include_teams: [teamT1], include_personal: false } },
          max_rows_per_query: MAX_ROWS,
        },
      };
    case 'variantC':
      return {
        peerName: 'work-c',
        scope: { resources: ['tasks', 'credentials'], max_rows_per_query: MAX_ROWS },
        approveSensitive: true,
        excludedByHand: ['credentials'],
      };
  }
};
