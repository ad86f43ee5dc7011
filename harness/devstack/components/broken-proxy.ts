import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { programs } from './installed.ts';
import { launch, type Component } from './process.ts';
import { accepts, freePort } from './sockets.ts';

export interface BrokenProxy {
  readonly port: number;
  readonly component: Component;
}

/** An nginx that ends TLS like the front it stands in for, and finds nobody behind it: its own 502 is all it says (ABUSE 56). */
export const startBrokenProxy = async (
  folder: string,
  tls: { readonly cert: string; readonly key: string },
): Promise<BrokenProxy> => {
  const port = await freePort();
  const nobody = await freePort();
  mkdirSync(folder, { recursive: true });
  const file = (name: string): string => path.join(folder, name);
  writeFileSync(file('cert.pem'), tls.cert);
  writeFileSync(file('key.pem'), tls.key, { mode: 0o600 });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${file(kind)};`)
    .join(' ');
  writeFileSync(
    file('nginx.conf'),
    `worker_processes 1; daemon off; pid ${file('nginx.pid')}; error_log ${file('error.log')};
events {}
http {
  access_log off; ${temporary}
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${file('cert.pem')}; ssl_certificate_key ${file('key.pem')};
    location / { proxy_pass http://127.0.0.1:${nobody}; }
  }
}
`,
  );
  const component = await launch({
    name: 'broken-proxy',
    command: programs.nginx,
    args: ['-e', file('error.log'), '-c', file('nginx.conf')],
    folder,
    ready: () => accepts(port),
  });
  return { port, component };
};
