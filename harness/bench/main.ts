import Table from 'cli-table3';
import { describeMachine } from './machine.ts';
import { measureDemo, measureList, measureStart } from './local.ts';

/**
 * `npm run bench [-- --json]`: floor and product in one run, ratios and absolute figures beside the machine's description.
 * Nothing here passes or fails; the targets stand beside the figures.
 */
interface Figure {
  readonly name: string;
  readonly value: number;
  readonly target: string;
}

const json = process.argv.includes('--json');
const progress = (text: string): void => void process.stderr.write(`bench: ${text} …\n`);

progress('starting and idling');
const start = await measureStart();
progress('the demo');
const demoMs = await measureDemo();
const list = await measureList(progress);

const figures: readonly Figure[] = [
  { name: 'gateway ready, first start (ms)', value: start.firstStartMs, target: '≤ 2000' },
  { name: 'gateway ready, warm (ms)', value: start.warmStartMs, target: '≤ 1000' },
  { name: 'idle gateway, resident (MiB)', value: start.idleResidentMiB, target: '≤ 250' },
  { name: 'demo end to end (ms)', value: demoMs, target: '≤ 8000' },
  {
    name: 'list of 50, throughput ÷ floor, 1 connection',
    value: list.against_floor_1.throughputRatio,
    target: '≥ 0.85',
  },
  {
    name: 'list of 50, throughput ÷ floor, 16 connections',
    value: list.against_floor_16.throughputRatio,
    target: '≥ 0.85',
  },
  { name: 'list of 50, p99 ÷ floor, 16 connections', value: list.against_floor_16.p99Ratio, target: '' },
  {
    name: 'list of 50, requests per second, 16 connections',
    value: Math.round(list.against_floor_16.product.perSecond),
    target: '',
  },
  { name: 'list of 50, p50 (ms) at 2,000 rows', value: list.p50_ms_at_2k, target: '' },
  { name: 'list of 50, p50 (ms) at 200,000 rows', value: list.p50_ms_at_200k, target: '' },
  { name: 'p50 at 200,000 ÷ p50 at 2,000 rows', value: list.growth, target: '≤ 1.2' },
];

const machine = describeMachine();
if (json) process.stdout.write(`${JSON.stringify({ machine, figures, start, list }, null, 2)}\n`);
else {
  const table = new Table({ head: ['figure', 'measured', 'target'], style: { head: [], border: [] } });
  for (const { name, value, target } of figures) table.push([name, value, target]);
  process.stdout.write(
    `${Object.entries(machine)
      .map(([name, value]) => `${name}: ${value}`)
      .join(' · ')}\n${table.toString()}\n`,
  );
}
