import type { CursorPosition } from '../paging/cursor.ts';

export interface PageRequest {
  readonly limit: number;
  readonly after: CursorPosition | null;
}

/** `next` is the position after the last item, or null at the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: CursorPosition | null;
}
