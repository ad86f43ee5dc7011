/** One line of the report. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** What the issue asks for, as text; empty where nothing is asked. Nothing is asserted. */
  readonly target: string;
}

/** A curve for docs/reference/performance.md. */
export interface Plot {
  readonly title: string;
  /** What stands on the horizontal axis, and the unit of the other. */
  readonly x: string;
  readonly unit: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** What has more to tell than one number a line; printed as Markdown, to be put into docs/reference/performance.md. */
export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface SectionReport {
  readonly figures: readonly Figure[];
  readonly tables?: readonly Table[];
  readonly plots?: readonly Plot[];
}

export const figure = (name: string, value: number, target = ''): Figure => ({
  name,
  value: Number(value.toFixed(3)),
  target,
});

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** A table as Markdown. */
export const drawTable = ({ title, head, rows }: Table): string =>
  [`### ${title}`, '', line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');

const BAR = 40;
const count = new Intl.NumberFormat('en');

/** A plot as text: a bar a point, the longest as wide as the page bears. */
export const drawPlot = ({ title, x, unit, points }: Plot): string => {
  const most = Math.max(...points.map(([, y]) => y), Number.MIN_VALUE);
  const label = Math.max(x.length, ...points.map(([at]) => count.format(at).length));
  const lines = points.map(
    ([at, y]) =>
      `${count.format(at).padStart(label)} │${'█'.repeat(Math.max(1, Math.round((y / most) * BAR)))} ${y.toFixed(2)}`,
  );
  return [`${title} (${unit})`, `${x.padStart(label)} │`, ...lines].join('\n');
};
