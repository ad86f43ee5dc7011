import { measureCacheEmbedded } from './cache.ts';
import { figure, type SectionReport } from './figure.ts';
import { measureDemo, measureList, measureStart } from './local.ts';

/** Tier `local`: start, memory, the demo, and the list against two floors. */
export const measureEmbedded = async (progress: (text: string) => void): Promise<SectionReport> => {
  progress('starting and idling');
  const start = await measureStart();
  progress('the demo');
  const demoMs = await measureDemo();
  const list = await measureList(progress);
  const cache = await measureCacheEmbedded(progress);
  return {
    figures: [
      figure('gateway ready, first start (ms)', start.firstStartMs, '≤ 2000'),
      figure('gateway ready, warm (ms)', start.warmStartMs, '≤ 1000'),
      figure('idle gateway, resident (MiB)', start.idleResidentMiB, '≤ 250'),
      figure('demo end to end (ms)', demoMs, '≤ 8000'),
      figure(
        'embedded list of 50, throughput ÷ floor, 1 conn.',
        list.against_floor_1.throughputRatio,
        '≥ 0.85',
      ),
      figure(
        'embedded list of 50, throughput ÷ floor, 16 conn.',
        list.against_floor_16.throughputRatio,
        '≥ 0.85',
      ),
      figure('the same, floor with the product’s driver, 1 conn.', list.against_our_driver_1.throughputRatio),
      figure(
        'the same, floor with the product’s driver, 16 conn.',
        list.against_our_driver_16.throughputRatio,
      ),
      figure('embedded list of 50, p99 ÷ floor, 16 conn.', list.against_floor_16.p99Ratio),
      figure('embedded list of 50, requests per second, 16 conn.', list.against_floor_16.product.perSecond),
      figure('embedded, p50 at 200,000 rows ÷ at 2,000', list.growth, '≤ 1.2'),
      ...cache.figures,
    ],
  };
};
