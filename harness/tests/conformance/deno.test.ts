import { expect, it } from 'vitest';
import { expectProblem, read } from './client.ts';
import { openDenoGateway, type DenoGatewayUnderTest } from './deno-gateway.ts';
import { conformanceSuite } from './suite.ts';

let gateway: DenoGatewayUnderTest;
const open = async (): Promise<DenoGatewayUnderTest> => (gateway = await openDenoGateway());

conformanceSuite('Deno, behind a front', open, (world) => {
  it('F-36 whoever else may open the socket is no peer', async () => {
    const path = '/federation/v1/capabilities';
    // The cases before have revoked the grant: who is believed is told so.
    expectProblem(await world.peerAsks(world.grant.client, path), 403, 'grant_revoked');
    const unproven = (headers?: HeadersInit) =>
      gateway.unprovenFetch(world.grant.client, path, headers === undefined ? {} : { headers });
    expectProblem(await read(await unproven()), 401, 'certificate_required');
    const forged = { 'mosaic-front-proof': crypto.randomUUID() };
    expectProblem(await read(await unproven(forged)), 401, 'certificate_required');
  });

  it('F-40 it does not start where another user could replace its socket, and says what to do', async () => {
    const services = gateway.services;
    await expect(openDenoGateway({ services, folderMode: 0o777 })).rejects.toThrow(/chmod o-w/);
  });

  it('F-78 a misspelt variable is told of, and what was meant', async () => {
    const { services } = gateway;
    const env = { MOSAIC_LOG_LEVLE: 'debug' };
    // A start that ends by itself, after its configuration was read.
    await expect(openDenoGateway({ services, folderMode: 0o777, env })).rejects.toThrow(
      'MOSAIC_LOG_LEVLE sets nothing: did you mean MOSAIC_LOG_LEVEL?',
    );
  });

  it('F-40 it does not take the socket of a gateway that still answers', async () => {
    const { services, folder } = gateway;
    await expect(openDenoGateway({ services, folder })).rejects.toThrow('another process listens there');
    expectProblem(
      await world.peerAsks(world.grant.client, '/federation/v1/capabilities'),
      403,
      'grant_revoked',
    );
  });
});
