import { figure, type SectionReport } from './figure.ts';
import { fillTasks } from './list.ts';
import { residentMiB } from './machine.ts';
import { load, median } from './measure.ts';
import type { Stage } from './stage.ts';

const REQUESTS = 100_000;
const PATHS = ['/federation/v1/tasks?limit=50', '/federation/v1/search?q=topic7&limit=50'] as const;

/**
 * Resident memory of the gateway over 100,000 requests, most of them lists and some searches: the second half must not
 * add to the first. What is resident goes up and down with the collector, so medians of a fifth of the way each are
 * compared.
 */
export const measureMemory = async (
  stage: Stage,
  progress: (text: string) => void,
): Promise<SectionReport> => {
  const subject = await stage.subject('bench-memory', { resources: ['tasks'], max_rows_per_query: 1_000 });
  await fillTasks(stage, subject.userId, 1, 1_000);
  const [list, search] = PATHS.map((path) => stage.product(subject, path));
  if (list === undefined || search === undefined) throw new Error('nothing to ask for');
  const points: (readonly [number, number])[] = [];
  let requests = 0;
  for (let step = 1; requests < REQUESTS && step <= 200; step += 1) {
    const report = step % 5 === 0 ? await load(search, 16, 1) : await load(list, 16, 3);
    requests += report.requests;
    points.push([requests, residentMiB(list.pid ?? 0)]);
    if (step % 5 === 0) progress(`memory after ${requests} requests: ${points.at(-1)?.[1]} MiB`);
  }
  const between = (from: number, to: number): number =>
    median(points.filter(([at]) => at > requests * from && at <= requests * to).map(([, size]) => size));
  const [middle, last] = [between(0.4, 0.6), between(0.8, 1)];
  return {
    figures: [
      figure('gateway, resident after 100,000 requests (MiB)', last),
      figure('gateway, resident after 100,000 requests ÷ after 50,000', last / middle, '≤ 1.05'),
    ],
    plots: [{ title: 'Memory over requests', x: 'requests', unit: 'resident MiB', points }],
  };
};
