/** Flags every gateway on Node is run with. */
export const NODE_FLAGS: readonly string[];
