import { LRUCache } from 'lru-cache';

const MAX_PEERS = 10_000;

/** When each peer's list was asked for: data alone, so that it may outlive a request. */
export type PolledAt = LRUCache<string, number>;

export const newPolledAt = (): PolledAt => new LRUCache<string, number>({ max: MAX_PEERS });
