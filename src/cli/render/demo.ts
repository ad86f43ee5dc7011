import type { LeftOut } from '../demo/explain.ts';
import type { Demo, DemoResult } from '../demo/stage.ts';
import { renderNotices, renderSources } from './rows.ts';
import { clip, count, moment } from './text.ts';
import { table } from './table.ts';

/** The one document of `demo --json`. */
export const demoJson = ({ answer, timings }: DemoResult) => ({
  items: answer.items,
  sources: answer.sources,
  timings_ms: { boot: timings.boot, enroll: timings.enroll, query: timings.query },
});

const heading = (text: string): string => `\n${text}\n${'─'.repeat(text.length)}\n`;

/** Team ids as names: the demo knows the teams of work. */
const taskRows = ({ answer, work }: DemoResult): readonly (readonly string[])[] =>
  answer.items.map((row) => {
    const team = Object.entries(work.teams).find(([, id]) => id === row['team_id'])?.[0];
    return [
      clip(row._source, 40),
      clip(row['title'], 50),
      clip(row['status'], 20),
      team === undefined ? 'alice' : `team ${team}`,
      moment(row.created_at),
    ];
  });

const leftOutRows = (result: DemoResult): readonly (readonly string[])[] => [
  ...result.leftOut.map((entry: LeftOut) => [
    count(entry.rows, 'task'),
    clip(entry.belongsTo, 30),
    `scope: ${clip(entry.why, 70)}`,
    clip(entry.example, 40),
  ]),
  ...(result.hiddenByRbac === 0
    ? []
    : [
        [
          count(result.hiddenByRbac, 'task'),
          'other people, other teams',
          'RBAC: alice does not see them at work either',
          '',
        ],
      ]),
];

const STEPS = {
  boot: 'start two gateways',
  seed: 'people, teams, rows',
  enroll: 'grant and enroll',
  query: 'blended query',
} as const;

const timingRows = ({ timings }: DemoResult): readonly (readonly string[])[] =>
  (['boot', 'seed', 'enroll', 'query'] as const).map((step) => [STEPS[step], `${timings[step]} ms`]);

/** What the demo shows a person. */
export const renderDemo = (result: DemoResult): string =>
  [
    heading('Alice’s tasks, asked for at home'),
    table(['_SOURCE', 'TITLE', 'STATUS', 'BELONGS TO', 'CREATED'], taskRows(result)),
    '\n',
    renderSources(result.answer.sources),
    renderNotices(result.answer.notices),
    heading('What stayed at work, and why'),
    table(['ROWS', 'BELONG TO', 'WHY', 'FOR EXAMPLE'], leftOutRows(result)),
    '\nAlice’s credentials at work, asked for at home:\n',
    renderSources(result.credentials.sources),
    heading('How long it took'),
    table(['STEP', 'TOOK'], timingRows(result)),
  ].join('');

/** What to try while it runs. */
export const renderInvitation = ({ home, work, result }: Demo, command: string): string => {
  const alice = result.home.tokens['alice'] ?? '';
  return [
    heading('Still running: try it'),
    `home  ${home.publicUrl}  (for peers: ${home.federationUrl})  API: ${home.publicUrl}/docs\n`,
    `work  ${work.publicUrl}  (for peers: ${work.federationUrl})  API: ${work.publicUrl}/docs\n\n`,
    `administrator at home  ${result.home.adminToken}\n`,
    `administrator at work  ${result.work.adminToken}\n`,
    `alice at home          ${alice}\n\n`,
    `curl -s -H 'authorization: Bearer ${alice}' '${home.publicUrl}/api/query/tasks?source=all'\n`,
    `${command} query notes --url ${home.publicUrl} --token ${alice}\n`,
    `${command} federation grant list --url ${work.publicUrl} --token ${result.work.adminToken}\n`,
    `${command} federation peer list --url ${home.publicUrl} --token ${result.home.adminToken}\n`,
    `${command} federation audit --url ${work.publicUrl} --token ${result.work.adminToken}\n`,
    '\nPress Ctrl-C to stop both gateways and remove their folders.\n',
  ].join('');
};
