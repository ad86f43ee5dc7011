import { verificationAnswer, type VerificationAnswer } from './answers.ts';
import type { Api } from './api.ts';
import { CliError, EXIT } from '../shell/exit.ts';
import type { Io } from '../shell/io.ts';
import { count, safe } from '../render/text.ts';

const PATH = '/api/admin/audit/verify';
/** As many as the gateway shows of one part. */
const MAX_FINDINGS = 200;
const WORST_FIRST = ['tampered', 'incomplete', 'intact'];

const worse = (one: string, other: string): string =>
  WORST_FIRST.find((verdict) => verdict === one || verdict === other) ?? other;

const together = (before: VerificationAnswer, part: VerificationAnswer): VerificationAnswer => ({
  ...part,
  verdict: worse(before.verdict, part.verdict),
  chains: before.chains + part.chains,
  entries: before.entries + part.entries,
  unconfirmed: before.unconfirmed + part.unconfirmed,
  findings: [...before.findings, ...part.findings].slice(0, MAX_FINDINGS),
});

/**
 * All chains, part after part: the gateway spends seconds on each, so that neither it nor anything in between gives up.
 * One that fails says where the next run can go on.
 */
export const verifyAll = async (
  api: Api,
  io: Io,
  { cursor, json = false }: { readonly cursor?: string; readonly json?: boolean },
): Promise<VerificationAnswer> => {
  let sum: VerificationAnswer | undefined;
  const asked = new Set<string>();
  for (let at = cursor; ;) {
    let part: VerificationAnswer;
    try {
      part = await api.get(PATH, verificationAnswer, { cursor: at });
    } catch (error) {
      if (sum !== undefined && at !== undefined && !json)
        io.err(
          `The check has not finished. So far: ${safe(sum.verdict)}. Continue with --cursor ${safe(at)}\n`,
        );
      throw error;
    }
    sum = sum === undefined ? part : together(sum, part);
    const next = part.next_cursor ?? null;
    if (next === null) return sum;
    if (asked.has(next))
      throw new CliError(EXIT.failure, {
        code: 'unexpected_answer',
        title: 'The server sent the same part twice.',
        detail: 'It gave the same cursor twice.',
      });
    asked.add(next);
    at = next;
    if (!json)
      io.err(`${count(sum.chains, 'chain')}, ${sum.entries} entries so far: ${safe(sum.verdict)} …\n`);
  }
};
