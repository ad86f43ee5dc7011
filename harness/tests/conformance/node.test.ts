import { openNodeGateway } from './node-gateway.ts';
import { conformanceSuite } from './suite.ts';

conformanceSuite('Node, its own TLS front', () => openNodeGateway('tls'));
conformanceSuite('Node, behind a front (RFC 9440 over a Unix socket)', () =>
  openNodeGateway('behind a front'),
);
