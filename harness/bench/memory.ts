import { figure, type SectionReport } from './figure.ts';
import { fillTasks } from './list.ts';
import { residentMiB } from './machine.ts';
import { load } from './measure.ts';
import type { Stage } from './stage.ts';

const REQUESTS = 100_000;

/** Resident memory of the gateway over 100,000 lists: the second half must not add to the first. */
export const measureMemory = async (
  stage: Stage,
  progress: (text: string) => void,
): Promise<SectionReport> => {
  const subject = await stage.subject('bench-memory', { resources: ['tasks'], max_rows_per_query: 1_000 });
  await fillTasks(stage, subject.userId, 1, 1_000);
  const target = stage.product(subject, '/federation/v1/tasks?limit=50');
  const points: (readonly [number, number])[] = [];
  let requests = 0;
  for (let step = 1; requests < REQUESTS && step <= 100; step += 1) {
    requests += (await load(target, 16, 5)).requests;
    points.push([requests, residentMiB(target.pid ?? 0)]);
    progress(`memory after ${requests} requests`);
  }
  const half = points.find(([count]) => count >= requests / 2)?.[1] ?? 0;
  return {
    figures: [
      figure('gateway, resident after 100,000 lists (MiB)', points.at(-1)?.[1] ?? 0),
      figure(
        'gateway, resident after 100,000 lists ÷ after 50,000',
        (points.at(-1)?.[1] ?? 0) / half,
        '≤ 1.05',
      ),
    ],
    plots: [{ title: 'Memory over requests', x: 'requests', unit: 'resident MiB', points }],
  };
};
