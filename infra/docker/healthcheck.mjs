// Ends with 0 when this container's gateway answers GET /health with 200, on its socket or its port.
import { request } from 'node:http';

const { MOSAIC_PUBLIC_SOCKET: socketPath, MOSAIC_PUBLIC_PORT: port } = process.env;
const where = socketPath ? { socketPath } : { host: '127.0.0.1', port: Number(port || 8080) };
const end = (code) => process.exit(code);

request({ ...where, path: '/health', timeout: 2000, agent: false }, ({ statusCode }) =>
  end(statusCode === 200 ? 0 : 1),
)
  .on('timeout', () => end(1))
  .on('error', () => end(1))
  .end();
