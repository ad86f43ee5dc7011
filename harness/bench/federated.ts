import { bootFederatedWorld } from '../tests/acceptance/federated-world.ts';
import { measureCache } from './cache.ts';
import { measureEnrollments } from './enroll.ts';
import { measureFanOut } from './fan-out.ts';
import { figure, type Figure, type Plot, type SectionReport } from './figure.ts';
import { measureGrowth } from './growth.ts';
import { measureVerbs } from './list.ts';
import { measureMemory } from './memory.ts';
import { measureReady } from './ready.ts';
import { measureRevocations } from './revocation.ts';
import { openStage, type Stage } from './stage.ts';
import { measureSwitches } from './switches.ts';
import { measureTracing } from './tracing.ts';

type Measure = (stage: Stage, progress: (text: string) => void) => Promise<SectionReport>;

/** In the order they are measured: what fills the tables most comes last. */
export const FEDERATED_SECTIONS: Readonly<Record<string, Measure>> = {
  ready: measureReady,
  enroll: measureEnrollments,
  verbs: measureVerbs,
  switches: measureSwitches,
  tracing: measureTracing,
  cache: measureCache,
  'fan-out': measureFanOut,
  revocation: measureRevocations,
  memory: measureMemory,
  growth: measureGrowth,
};

/** Tier `federated` on real components: the sections asked for, one after another on one stack. */
export const measureFederated = async (
  sections: readonly string[],
  progress: (text: string) => void,
): Promise<{ readonly figures: readonly Figure[]; readonly plots: readonly Plot[] }> => {
  progress('booting the harness');
  const begin = performance.now();
  const world = await bootFederatedWorld();
  const figures: Figure[] = [figure('harness boot to healthy (ms)', performance.now() - begin, '≤ 12000')];
  const plots: Plot[] = [];
  try {
    const stage = await openStage(world);
    try {
      for (const [name, measure] of Object.entries(FEDERATED_SECTIONS)) {
        if (!sections.includes(name)) continue;
        progress(name);
        const report = await measure(stage, progress);
        figures.push(...report.figures);
        plots.push(...(report.plots ?? []));
      }
    } finally {
      await stage.close();
    }
  } finally {
    await world.close();
  }
  return { figures, plots };
};
