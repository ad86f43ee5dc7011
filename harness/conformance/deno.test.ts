import { openDenoGateway } from './deno-gateway.ts';
import { conformanceSuite } from './suite.ts';

conformanceSuite('Deno, behind a front', () => openDenoGateway());
