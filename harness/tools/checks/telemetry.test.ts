import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DATABASE_CONDITIONS } from '../../../domain/database/state.ts';
import { ALERTS } from '../../../domain/telemetry/alerts.ts';
import { METRICS, METRIC_NAMES, metricSpec, type MetricName } from '../../../domain/telemetry/metrics.ts';
import { ROOT, codeFiles, readText } from './repository.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly type: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}

const { groups } = parse(readText('infra/prometheus/alerts.yml')) as {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const { panels } = JSON.parse(readText('infra/grafana/dashboard.json')) as Dashboard;
const expressions = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
];
const page = readText('docs/how-to/observability.md');

const NAME = /\bmosaic_[a-z_]+/g;
const SELECTOR = /\b(mosaic_[a-z_]+)\{([^}]*)\}/g;
const MATCHER = /([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g;
/** Labels that every series has from the scrape. */
const SCRAPED = ['instance', 'job'];

/** A histogram is shown as three series. */
const metricOf = (series: string): MetricName | undefined => {
  const whole = METRIC_NAMES.find((name) => name === series);
  if (whole !== undefined) return whole;
  const base = series.replace(/_(bucket|sum|count)$/, '');
  return METRIC_NAMES.find((name) => name === base && metricSpec(name).kind === 'histogram');
};

const isBalanced = (text: string): boolean => {
  const open: string[] = [];
  const pairs: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
  for (const char of text.replace(/"[^"]*"/g, '""')) {
    if ('([{'.includes(char)) open.push(char);
    else if (char in pairs && open.pop() !== pairs[char]) return false;
  }
  return open.length === 0;
};

describe('telemetry: dashboard, alert rules and documentation', () => {
  it.each(expressions)('%s asks for metrics that exist, with labels and values that they have', (_, expr) => {
    expect(isBalanced(expr)).toBe(true);
    const names = expr.match(NAME) ?? [];
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => metricOf(name) === undefined)).toEqual([]);
    for (const [, series = '', matchers = ''] of expr.matchAll(SELECTOR)) {
      const metric = metricOf(series);
      const labels: Readonly<Record<string, readonly string[]>> =
        metric === undefined ? {} : metricSpec(metric).labels;
      for (const [, label = '', operator = '', value = ''] of matchers.matchAll(MATCHER)) {
        if (SCRAPED.includes(label)) continue;
        expect([series, Object.keys(labels)]).toEqual([series, expect.arrayContaining([label])]);
        const pattern = operator.endsWith('~') ? new RegExp(`^(${value})$`) : null;
        const meant = (labels[label] ?? []).filter((known) => pattern?.test(known) ?? known === value);
        expect([series, label, value, meant.length > 0]).toEqual([series, label, value, true]);
      }
    }
  });

  it('has a rule for each thing an operator must hear of, each with severity, text and a place that says what to do', () => {
    expect(rules.map(({ alert }) => alert)).toEqual(
      expect.arrayContaining([
        'MosaicCertificateExpiring',
        'MosaicCrlExpiring',
        'MosaicAuditDropped',
        'MosaicAuditStalled',
        'MosaicAuditQueueFilling',
        'MosaicCircuitOpen',
        'MosaicDenialSurge',
        'MosaicLimiterRefusals',
        'MosaicErrorRate',
        'MosaicPeerDegraded',
      ]),
    );
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    const anchors = [...page.matchAll(/^#+ (.+)$/gm)].map(
      ([, heading = '']) =>
        `docs/how-to/observability.md#${heading
          .toLowerCase()
          .replace(/[^a-z0-9 -]/g, '')
          .replaceAll(' ', '-')}`,
    );
    for (const { alert, labels, annotations, for: wait } of rules) {
      expect([alert, ['warning', 'critical'].includes(labels.severity)]).toEqual([alert, true]);
      expect([alert, annotations.summary.length > 20]).toEqual([alert, true]);
      expect(anchors).toContain(annotations.runbook);
      if (wait !== undefined) expect(wait).toMatch(/^\d+[smh]$/);
      expect(page).toContain(`\`${alert}\``);
    }
  });

  it('draws panels that do not overlap', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { title, gridPos } of panels) {
      expect([title, gridPos.x + gridPos.w <= 24]).toEqual([title, true]);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect([title, taken.has(`${x} ${y}`)]).toEqual([title, false]);
          taken.add(`${x} ${y}`);
        }
    }
  });

  it('every metric is documented with its labels, and on the dashboard or in a rule', () => {
    const used = new Set(expressions.flatMap(([, expr]) => (expr.match(NAME) ?? []).map(metricOf)));
    for (const name of METRIC_NAMES) {
      const line = page.split('\n').find((one) => one.startsWith(`| \`${name}\` `)) ?? '';
      const [, , kind = '', labels = ''] = line.split('|').map((cell) => cell.trim());
      const { kind: ours } = METRICS[name];
      expect([name, kind]).toEqual([name, ours === 'total' ? 'counter' : ours]);
      const named = labels.replace(/:.*/, '').split(', ').filter(Boolean);
      expect([name, named]).toEqual([name, Object.keys(METRICS[name].labels)]);
      expect([name, used.has(name)]).toEqual([name, true]);
    }
    expect((page.match(NAME) ?? []).filter((name) => metricOf(name) === undefined)).toEqual([]);
  });

  it('every condition of the database is documented', () => {
    const conditions = [...page.matchAll(/^\| `([a-z_]+)` +\| [a-z][^|]+\|$/gm)].map(([, name = '']) => name);
    expect(conditions.toSorted()).toEqual(DATABASE_CONDITIONS.filter((name) => name !== 'ok').toSorted());
  });

  it('the list of alerts is that of the code', () => {
    const found = codeFiles()
      .filter((file) => /^(ca|db|routes|src)\//.test(file) && !/\.(test|testkit|contract)\.ts$/.test(file))
      .flatMap((file) => [
        ...readFileSync(join(ROOT, file), 'utf8').matchAll(/(?:\balert: |_ALERT = )'([a-z_]+)'/g),
      ])
      .map(([, name]) => name);
    expect(new Set(found)).toEqual(new Set(ALERTS));
  });
});
