/** The part of vitest's JSON report that the closing line is read from. */
export interface TestReport {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

export interface Verdict {
  readonly passed: number;
  readonly failed: number;
  /** What is wrong beyond failed tests, which the runner has shown already. */
  readonly complaints: readonly string[];
}

export interface Run {
  readonly exitCode: number;
  /** Only some tests were asked for, by name. */
  readonly partial: boolean;
}

/** Counts, and refuses to call a run good that left something out: a test skipped, a file with none, no test. */
export function judgeReport(report: TestReport | undefined, run: Run): Verdict {
  if (report === undefined) return refuse(`vitest left no report (exit code ${run.exitCode}).`);
  const tests = report.testResults.flatMap((file) =>
    file.assertionResults.map((test) => ({ ...test, title: `${file.name} > ${test.fullName}` })),
  );
  const passed = tests.filter((test) => test.status === 'passed').length;
  const failedTests = tests.filter((test) => test.status === 'failed').length;
  const brokenFiles = report.testResults.filter((file) => file.status === 'failed' && !hasFailure(file));
  const left = tests.filter((test) => test.status !== 'passed' && test.status !== 'failed');

  const complaints = brokenFiles.map((file) =>
    `${file.name} did not run to its end: ${file.message ?? ''}`.trimEnd(),
  );
  let failed = failedTests + brokenFiles.length;
  if (!run.partial) {
    complaints.push(...left.map((test) => `${test.status}, so it proves nothing: ${test.title}`));
    failed += left.length;
  }
  if (passed + failed === 0) return refuse('No test ran.');
  if (failed === 0 && (run.exitCode !== 0 || !report.success)) {
    complaints.push(
      `vitest ended with exit code ${run.exitCode} although no test failed (see the errors above).`,
    );
    failed = 1;
  }
  return { passed, failed, complaints };
}

function hasFailure(file: TestReport['testResults'][number]): boolean {
  return file.assertionResults.some((test) => test.status === 'failed');
}

function refuse(complaint: string): Verdict {
  return { passed: 0, failed: 1, complaints: [complaint] };
}
