import { describe, expect, it } from 'vitest';
import { judgeReport, type TestReport } from '../test-report.ts';

const reportOf = (...statuses: string[]): TestReport => ({
  success: !statuses.includes('failed'),
  testResults: [
    {
      name: 'a.test.ts',
      status: statuses.includes('failed') ? 'failed' : 'passed',
      assertionResults: statuses.map((status, index) => ({ fullName: `test ${index}`, status })),
    },
  ],
});
const whole = { exitCode: 0, partial: false };

describe('the closing line', () => {
  it('counts passed and failed tests', () => {
    expect(judgeReport(reportOf('passed', 'passed'), whole)).toEqual({
      passed: 2,
      failed: 0,
      complaints: [],
    });
    expect(judgeReport(reportOf('passed', 'failed'), { ...whole, exitCode: 1 })).toMatchObject({
      passed: 1,
      failed: 1,
    });
  });

  it.each(['skipped', 'pending', 'todo', 'disabled'])('counts a test that is %s as failed', (status) => {
    const verdict = judgeReport(reportOf('passed', status), whole);
    expect(verdict).toMatchObject({ passed: 1, failed: 1 });
    expect(verdict.complaints).toHaveLength(1);
  });

  it('forgives skipped tests when only some were asked for by name', () => {
    expect(judgeReport(reportOf('passed', 'skipped'), { ...whole, partial: true })).toMatchObject({
      failed: 0,
    });
  });

  it('fails when no test ran, when only skipped ones matched, and when there is no report', () => {
    expect(judgeReport({ success: true, testResults: [] }, whole).failed).toBe(1);
    expect(judgeReport(reportOf('skipped'), { ...whole, partial: true }).failed).toBe(1);
    expect(judgeReport(undefined, whole).failed).toBe(1);
  });

  it('fails for a file that broke before its first test', () => {
    const broken = { name: 'b.test.ts', status: 'failed', message: 'no such module', assertionResults: [] };
    const report = { ...reportOf('passed'), success: false };
    const verdict = judgeReport(
      { ...report, testResults: [...report.testResults, broken] },
      { ...whole, exitCode: 1 },
    );
    expect(verdict).toMatchObject({ passed: 1, failed: 1 });
    expect(verdict.complaints.join()).toContain('no such module');
  });

  it('fails for an error outside any test', () => {
    expect(judgeReport(reportOf('passed'), { ...whole, exitCode: 1 })).toMatchObject({
      passed: 1,
      failed: 1,
    });
  });
});
