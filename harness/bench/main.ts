import Table from 'cli-table3';
import { measureEnrollments } from './enroll.ts';
import { describeMachine } from './machine.ts';
import { measureFederated } from './federated.ts';
import { measureDemo, measureList, measureStart } from './local.ts';

/**
 * `npm run bench [-- --json] [--local]`: floor and product in one run, ratios and absolute figures beside the machine's description.
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

// `--local`: the embedded tier alone, where the real components are not installed.
const federated = process.argv.includes('--local') ? null : await measureFederated(progress);
const enrollments = federated === null ? null : await measureEnrollments(progress);

const ofFederated = (measured: NonNullable<typeof federated>): readonly Figure[] => [
  { name: 'harness boot to healthy (ms)', value: measured.bootMs, target: '≤ 12000' },
  { name: 'federated gateway ready (ms)', value: measured.gatewayReadyMs, target: '≤ 700' },
  ...(
    [
      ['1 connection', measured.list_1],
      ['16 connections', measured.list_16],
    ] as const
  ).flatMap(([name, { throughputRatio, cpuRatio, p99Ratio, product }]) => [
    {
      name: `nginx, list of 50 of 200,000, throughput ÷ floor, ${name}`,
      value: throughputRatio,
      target: '≥ 0.90',
    },
    { name: `nginx, list, CPU a request ÷ floor, ${name}`, value: cpuRatio, target: '≤ 1.15' },
    { name: `nginx, list, p99 ÷ floor, ${name}`, value: p99Ratio, target: '≤ 1.25' },
    { name: `nginx, list, requests per second, ${name}`, value: Math.round(product.perSecond), target: '' },
  ]),
];

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
  {
    name: 'the same, floor with the product’s driver, 1 connection',
    value: list.against_our_driver_1.throughputRatio,
    target: '',
  },
  {
    name: 'the same, floor with the product’s driver, 16 connections',
    value: list.against_our_driver_16.throughputRatio,
    target: '',
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
  ...(federated === null ? [] : ofFederated(federated)),
  ...(enrollments === null
    ? []
    : [
        {
          name: 'enrollments per second ÷ bare signing',
          value: enrollments.throughputRatio,
          target: '≥ 0.80',
        },
        { name: 'enrollments per second', value: enrollments.productPerSecond, target: '' },
      ]),
];

const machine = describeMachine();
if (json)
  process.stdout.write(
    `${JSON.stringify({ machine, figures, start, list, federated, enrollments }, null, 2)}\n`,
  );
else {
  const table = new Table({ head: ['figure', 'measured', 'target'], style: { head: [], border: [] } });
  for (const { name, value, target } of figures) table.push([name, value, target]);
  process.stdout.write(
    `${Object.entries(machine)
      .map(([name, value]) => `${name}: ${value}`)
      .join(' · ')}\n${table.toString()}\n`,
  );
}
