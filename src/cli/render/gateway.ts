export interface Ready {
  readonly name: string;
  readonly public_url: string;
  readonly federation_url: string;
  readonly data_dir: string;
  readonly pid: number;
  /** Nobody is there yet. */
  readonly first_start: boolean;
  /** What the first administrator is created with; absent where it is not needed. */
  readonly setup_token?: string;
}

/** One line, so that a program which started the gateway knows when it has all of it. */
export const readyLine = (ready: Ready): string => `${JSON.stringify(ready)}\n`;

/** Where a gateway listens, and how to begin. */
export const renderReady = (ready: Ready): string => {
  const lines = [
    `Gateway ${ready.name} is ready; its data is in ${ready.data_dir}.`,
    `  public API  ${ready.public_url}  (documentation: ${ready.public_url}/docs)`,
    `  for peers   ${ready.federation_url}  (mutual TLS)`,
  ];
  if (ready.first_start) {
    const { setup_token: token } = ready;
    const body = JSON.stringify({ name: 'admin', ...(token === undefined ? {} : { setup_token: token }) });
    lines.push(
      'There are no users yet. Create the first administrator:',
      `  ${token === undefined ? '' : `MOSAIC_SETUP_TOKEN=${token} `}mosaic bootstrap admin --url ${ready.public_url} --save-token admin.token`,
      'or without this program:',
      `  curl -sS -X POST ${ready.public_url}/api/bootstrap/setup -H 'content-type: application/json' -d '${body}'`,
    );
  }
  return `${[...lines, 'Press Ctrl-C to stop it.'].join('\n')}\n`;
};
