import { figure, type Figure, type SectionReport } from './figure.ts';
import { fillTasks } from './list.ts';
import { compareAnew } from './measure.ts';
import type { LeftOut, Stage } from './stage.ts';

const PATH = '/federation/v1/tasks?limit=50';

/** What the audit and the limiter cost: the serving side against its like without that part. */
export const measureSwitches = async (
  stage: Stage,
  progress: (text: string) => void,
): Promise<SectionReport> => {
  const subject = await stage.subject('bench-switches', { resources: ['tasks'], max_rows_per_query: 1_000 });
  await fillTasks(stage, subject.userId, 1, 1_000);
  const figures: Figure[] = [];
  const measure = async (name: string, leftOut: LeftOut, target = ''): Promise<void> => {
    progress(name);
    const { throughput, cpu, rounds } = await compareAnew(async () => {
      const { without, whole, end } = await stage.variant(subject, PATH, leftOut);
      return { plain: without, changed: whole, end };
    });
    figures.push(
      figure(`${name}, throughput, 16 conn.`, throughput, target),
      figure('the same, lowest round', Math.min(...rounds)),
      figure('the same, highest round', Math.max(...rounds)),
      figure('the same, CPU a request', cpu),
    );
  };
  await measure('a gateway ÷ its like, for comparison', 'nothing');
  await measure('audit on ÷ off', 'audit', '≥ 0.97');
  await measure('limiter on ÷ off', 'limiter', '≥ 0.95');
  return { figures };
};
