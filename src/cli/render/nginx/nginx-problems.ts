import {
  CERTIFICATE_VERDICT_NAMES,
  CERTIFICATE_VERDICTS,
  verdictParts,
} from '../../../../domain/peers/certificate-verdict.ts';
import { MosaicError, toProblem, type ErrorCode, type Problem } from '../../../../domain/errors.ts';

/** What nginx answers on its own, in the words of the one catalogue. */
interface FrontProblem {
  /** Statuses of nginx that lead to it: 494 is a header too large, 497 plain HTTP to a TLS port. */
  readonly from: readonly number[];
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail?: string;
  readonly retryAfterSeconds?: number;
  /** Answered before nginx has read an address: an internal address then, because a named location needs one. */
  readonly isEarly?: boolean;
}

const PROBLEMS: readonly FrontProblem[] = [
  {
    from: [400],
    status: 400,
    code: 'invalid_request',
    detail: 'This is not a well-formed HTTP request.',
    isEarly: true,
  },
  {
    from: [497],
    status: 400,
    code: 'invalid_request',
    detail: 'This port accepts HTTPS only.',
    isEarly: true,
  },
  { from: [404], status: 404, code: 'not_found' },
  { from: [405], status: 405, code: 'method_not_allowed' },
  {
    from: [408],
    status: 408,
    code: 'invalid_request',
    detail: 'The request did not arrive in time.',
    isEarly: true,
  },
  {
    from: [411, 501],
    status: 411,
    code: 'invalid_request',
    detail: 'This server does not accept a chunked body. Send it with Content-Length.',
  },
  {
    from: [413],
    status: 413,
    code: 'payload_too_large',
    detail: 'The body is longer than this address accepts.',
  },
  { from: [414], status: 414, code: 'uri_too_long', isEarly: true },
  {
    from: [494],
    status: 431,
    code: 'invalid_request',
    detail: 'The header is too large.',
    isEarly: true,
  },
  {
    from: [505],
    status: 505,
    code: 'invalid_request',
    detail: 'This server does not support that version of HTTP.',
    isEarly: true,
  },
  { from: [429], status: 429, code: 'rate_limited', retryAfterSeconds: 1 },
  { from: [500, 502, 503, 504], status: 503, code: 'unavailable', retryAfterSeconds: 2 },
];

/** JSON inside a single-quoted string of nginx's configuration. @throws RangeError for what nginx would take as a variable */
const quoted = (json: string): string => {
  if (json.includes('$')) throw new RangeError('a text of the error catalogue holds a dollar sign');
  return `'${json.replaceAll('\\', String.raw`\\`).replaceAll("'", String.raw`\'`)}'`;
};

/** Stands for the id of the request until the text is quoted; no text of the catalogue can hold it. */
const ID_PLACE = '\u0000';

const problemText = ({ code, status, detail }: FrontProblem): string => {
  const error = new MosaicError(code, detail === undefined ? {} : { detail });
  const text = quoted(JSON.stringify({ ...toProblem(error, ID_PLACE), status }));
  // nginx fills it in. The only variable of these texts, made of hexadecimal digits alone (nginx.conf.tpl).
  return text.replace(quoted(JSON.stringify(ID_PLACE)).slice(1, -1), () => '"$mosaic_trace_id"');
};

const placeOf = ({ from, isEarly }: FrontProblem): string =>
  isEarly === true ? `/_problem/${from[0] ?? 0}` : `@problem_${from[0] ?? 0}`;

const locationOf = (problem: FrontProblem): string => {
  const { status, retryAfterSeconds, isEarly } = problem;
  const lines = [
    `location ${isEarly === true ? '= ' : ''}${placeOf(problem)} {`,
    '  internal;',
    // A request that is refused already is not counted once more.
    '  limit_conn_dry_run on;',
    '  limit_req_dry_run on;',
    '  default_type application/problem+json;',
    '  add_header Cache-Control no-store always;',
    '  add_header X-Content-Type-Options nosniff always;',
    ...(retryAfterSeconds === undefined ? [] : [`  add_header Retry-After ${retryAfterSeconds} always;`]),
    `  return ${status} ${problemText(problem)};`,
    '}',
  ];
  return lines.map((line) => `    ${line}`).join('\n');
};

/** `error_page` and its locations, for the inside of a server. */
export const problemLocations = (): string =>
  PROBLEMS.map(
    (problem) => `    error_page ${problem.from.join(' ')} = ${placeOf(problem)};\n${locationOf(problem)}`,
  ).join('\n');

const untrusted = (parts: { readonly detail: string; readonly remedy?: string }): Problem =>
  toProblem(new MosaicError('certificate_untrusted', parts));

/** What client-cert.js answers to a client whose certificate is missing or does not verify, by the text nginx has of OpenSSL. */
export const certificateProblems = (): string =>
  JSON.stringify({
    missing: toProblem(new MosaicError('certificate_required')),
    untrusted: untrusted({ detail: 'The certificate does not verify.' }),
    reasons: Object.fromEntries(
      CERTIFICATE_VERDICT_NAMES.flatMap((name) =>
        CERTIFICATE_VERDICTS[name].texts.map((text) => [text, untrusted(verdictParts(name))]),
      ),
    ),
  });
