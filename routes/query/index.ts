export { federationGrantRoutes } from './by-grant.ts';
export { ownPeerRoutes } from './own-peers.ts';
export { queryRoutes } from './query.ts';
