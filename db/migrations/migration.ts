/** One step of the schema. Its text never changes once released: the runner compares its checksum. */
export interface Migration {
  /** `NNNN_what_it_does`; the number orders it. */
  readonly name: string;
  /** Statements run as `mosaic_owner`, in one transaction. */
  readonly sql: string;
}
