import { Hono } from 'hono';
import type { AppEnv } from '../../routes/http/http.ts';
import { createBase, SECURITY_HEADERS } from '../../routes/http/http.ts';
import { auditRoutes } from '../../routes/admin/audit.ts';
import { authorityRoutes } from '../../routes/admin/authority.ts';
import { federationStatusRoutes } from '../../routes/admin/federation-status.ts';
import { grantRoutes } from '../../routes/admin/grants.ts';
import { keyRoutes } from '../../routes/admin/keys.ts';
import { peerRoutes } from '../../routes/admin/peers.ts';
import { revocationRoutes } from '../../routes/admin/revocation.ts';
import { teamRoutes } from '../../routes/admin/teams.ts';
import { tokenRoutes } from '../../routes/admin/tokens.ts';
import { userRoutes } from '../../routes/admin/users.ts';
import { bootstrapRoutes } from '../../routes/public/bootstrap.ts';
import { enrollmentRoutes } from '../../routes/enrollment/index.ts';
import type { CertificateSource } from '../../routes/inbound/certificate-source.ts';
import { federationApp, federationRoutes } from '../../routes/inbound/index.ts';
import { meRoutes } from '../../routes/me/me.ts';
import { openapiRoutes } from '../../routes/openapi/routes.ts';
import { crlRoutes } from '../../routes/public/crl.ts';
import { aliveRoutes, healthRoutes } from '../../routes/public/health.ts';
import { metricsRoutes } from '../../routes/public/metrics.ts';
import { federationGrantRoutes, ownPeerRoutes, queryRoutes } from '../../routes/query/index.ts';
import { resourceRoutes } from '../../routes/resources/resources.ts';
import type { InboundDeps } from '../inbound/deps.ts';
import type { GatewayDeps } from './assemble.ts';
import type { Deps, MetricsPage } from './deps.ts';

/** The version of this package; a test keeps it equal to package.json. */
export const VERSION = '0.1.0';

/** Routes of the federation app, for the API document alone: nothing can be asked through this copy. */
const federationDocumented = (deps: InboundDeps): Hono<AppEnv> =>
  createBase(deps, { surface: 'federation' }).route('/federation/v1', federationRoutes(deps));

/** The asking routes: their answers are made whole. */
const ASKING = /^\/api\/(?:query|federation)\//;

/**
 * Whether the process is alive, and nothing else: for a runtime that opens the database with each request, and has to answer without
 * one.
 */
export const createAliveApp = (): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use(async (c, next) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) c.header(name, value);
    await next();
  });
  app.route('/', aliveRoutes());
  return app;
};

/** The public listener: people and their programs, with bearer tokens. No route here looks at a certificate. */
export const createPublicApp = (deps: GatewayDeps): Hono<AppEnv> => {
  const app = createBase(deps, { surface: 'public', securesItself: (path) => ASKING.test(path) });
  app.route('/', healthRoutes(deps));
  app.route('/', crlRoutes(deps));
  // Without a token the page is for a listener that strangers do not reach.
  if (deps.metrics !== undefined && deps.metrics.tokenHash !== null)
    app.route('/', metricsRoutes(deps.metrics));
  app.route('/api/bootstrap', bootstrapRoutes(deps));
  app.route('/api/me', meRoutes(deps));
  app.route('/api/peers', ownPeerRoutes(deps));
  app.route('/api/admin/users', userRoutes(deps));
  app.route('/api/admin/teams', teamRoutes(deps));
  app.route('/api/admin/tokens', tokenRoutes(deps));
  app.route('/api/admin/grants', grantRoutes(deps));
  app.route('/api/admin/peers', peerRoutes(deps));
  app.route('/api/admin/audit', auditRoutes(deps));
  app.route('/api/admin/keys', keyRoutes(deps));
  app.route('/api/admin/authority', authorityRoutes(deps));
  app.route('/api/admin/revocation', revocationRoutes(deps));
  app.route('/api/admin/federation', federationStatusRoutes(deps));
  app.route('/api/resources', resourceRoutes(deps));
  app.route('/api/query', queryRoutes(deps));
  app.route('/api/federation', federationGrantRoutes(deps));
  app.route('/enrollment/v1', enrollmentRoutes(deps));
  const sources = () => [
    { surface: 'public' as const, routes: app.routes },
    { surface: 'federation' as const, routes: federationDocumented(deps).routes },
  ];
  app.route('/', openapiRoutes(deps, { version: VERSION, sources }));
  return app;
};

/** The federation listener: peers, by the certificate that `certificateSource` finds. Nothing else is on it. */
export const createFederationApp = (deps: InboundDeps, certificateSource: CertificateSource): Hono<AppEnv> =>
  federationApp(deps, certificateSource);

/** For clients without a certificate at the gateway's own TLS front: redeeming an enrollment token, and the revocation list. */
export const createEnrollmentApp = (deps: Deps): Hono<AppEnv> => {
  const app = createBase(deps, { surface: 'enrollment' });
  app.route('/enrollment/v1', enrollmentRoutes(deps));
  app.route('/', crlRoutes(deps));
  return app;
};

/** /metrics and nothing else, for an address that only the operator's own programs reach. */
export const createMetricsApp = (deps: Deps, page: MetricsPage): Hono<AppEnv> => {
  const app = createBase(deps, { surface: 'public' });
  app.route('/', metricsRoutes(page));
  return app;
};
