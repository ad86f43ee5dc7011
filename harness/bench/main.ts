import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { measureEmbedded } from './embedded.ts';
import { FEDERATED_SECTIONS, measureFederated } from './federated.ts';
import { drawPlot, drawTable, type Figure, type Plot, type Table as WideTable } from './figure.ts';
import { measureHostility, wrongChoice } from './hostile.ts';
import { describeMachine } from './machine.ts';
import { measureRenewal } from './renewal.ts';

const HELP = `npm run bench [-- options]

Floor and product in one run, ratios beside the machine's description. Nothing here passes or fails.

  --only <section>  measure only this; may be given several times:
                    embedded, renewal, hostile, ${Object.keys(FEDERATED_SECTIONS).join(', ')}
  --attack <name>   of hostile, only the attacks with that in their name; may be given several times
  --front <front>   of hostile, only at this front: nginx or own
  --local           the embedded tier alone, where the real components are not installed
  --json            one JSON document on standard output
  --help            this text`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    attack: { type: 'string', multiple: true, default: [] },
    front: { type: 'string', multiple: true, default: [] },
    local: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const known = ['embedded', 'renewal', 'hostile', ...Object.keys(FEDERATED_SECTIONS)];
const wanted = values.local ? ['embedded'] : (values.only ?? known);
const hostility = { attacks: values.attack, fronts: values.front };
const wrong = wrongChoice(hostility);
const unknown = wanted.filter((name) => !known.includes(name));

const progress = (text: string): void => void process.stderr.write(`bench: ${text} …\n`);

const report = (figures: readonly Figure[], plots: readonly Plot[], tables: readonly WideTable[]): string => {
  const machine = describeMachine();
  if (values.json) return JSON.stringify({ machine, figures, plots, tables }, null, 2);
  const table = new Table({ head: ['figure', 'measured', 'target'], style: { head: [], border: [] } });
  for (const { name, value, target } of figures) table.push([name, value, target]);
  const heading = Object.entries(machine).map(([name, value]) => `${name}: ${value}`);
  const drawn = figures.length === 0 ? [] : [table.toString()];
  return [heading.join(' · '), ...drawn, ...plots.map(drawPlot), ...tables.map(drawTable)].join('\n\n');
};

if (values.help) process.stdout.write(`${HELP}\n`);
else if (unknown.length > 0) {
  process.stderr.write(`There is no section ${unknown.join(', ')}.\n\n${HELP}\n`);
  process.exitCode = 2;
} else if (wrong !== null) {
  process.stderr.write(`${wrong}\n`);
  process.exitCode = 2;
} else {
  const figures: Figure[] = [];
  const plots: Plot[] = [];
  const tables: WideTable[] = [];
  if (wanted.includes('embedded')) figures.push(...(await measureEmbedded(progress)).figures);
  if (wanted.includes('renewal')) figures.push(...(await measureRenewal(progress)).figures);
  if (wanted.includes('hostile'))
    tables.push(...((await measureHostility(progress, hostility)).tables ?? []));
  const federated = wanted.filter((name) => name in FEDERATED_SECTIONS);
  if (federated.length > 0) {
    const measured = await measureFederated(federated, progress);
    figures.push(...measured.figures);
    plots.push(...measured.plots);
  }
  process.stdout.write(`${report(figures, plots, tables)}\n`);
}
