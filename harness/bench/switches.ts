import { figure, type SectionReport } from './figure.ts';
import { fillTasks } from './list.ts';
import { compare } from './measure.ts';
import type { Stage } from './stage.ts';

const PATH = '/federation/v1/tasks?limit=50';

/** What the audit and the limiter cost: the serving side against its like without that part. */
export const measureSwitches = async (
  stage: Stage,
  progress: (text: string) => void,
): Promise<SectionReport> => {
  const subject = await stage.subject('bench-switches', { resources: ['tasks'], max_rows_per_query: 1_000 });
  await fillTasks(stage, subject.userId, 1, 1_000);
  const whole = await stage.variant(subject, PATH, 'nothing');
  const options = { connections: 16, pairs: 7, seconds: 2 };
  progress('audit on against audit off');
  const audit = await compare(await stage.variant(subject, PATH, 'audit'), whole, options);
  progress('limiter on against limiter off');
  const limiter = await compare(await stage.variant(subject, PATH, 'limiter'), whole, options);
  return {
    figures: [
      figure('audit on ÷ off, throughput, 16 conn.', audit.throughputRatio, '≥ 0.97'),
      figure('audit on ÷ off, CPU a request', audit.cpuRatio),
      figure('limiter on ÷ off, throughput, 16 conn.', limiter.throughputRatio, '≥ 0.95'),
      figure('limiter on ÷ off, CPU a request', limiter.cpuRatio),
    ],
  };
};
