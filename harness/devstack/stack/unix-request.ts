import http from 'node:http';

export interface SocketAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

/** One request straight to a gateway's unix socket, past its front. */
export const requestSocket = (
  socketPath: string,
  pathname: string,
  options: {
    readonly method?: string;
    readonly headers?: http.OutgoingHttpHeaders;
    readonly body?: string;
    readonly timeoutMs?: number;
  } = {},
): Promise<SocketAnswer> =>
  new Promise((resolve, reject) => {
    const request = http.request(
      {
        socketPath,
        path: pathname,
        method: options.method ?? 'GET',
        headers: { host: 'localhost', ...options.headers },
        timeout: options.timeoutMs ?? 15_000,
        agent: false,
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        );
        response.on('error', reject);
      },
    );
    request.on('timeout', () => request.destroy(new Error(`${pathname} was not answered in time`)));
    request.on('error', reject);
    request.end(options.body);
  });
