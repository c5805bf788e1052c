// Adds up the JSON reports of vitest that the arguments name and prints `N passed, N failed` as its last line.
// Fails when a test failed, was skipped or none ran: silence must not look like success.
import { existsSync, readFileSync } from 'node:fs';

const count = { passed: 0, failed: 0, skipped: 0 };
for (const path of process.argv.slice(2)) {
  // A tier that was not reached has no report; whoever called knows that it failed before
  if (!existsSync(path)) continue;
  const report = JSON.parse(readFileSync(path, 'utf8'));
  count.passed += report.numPassedTests;
  count.failed += report.numFailedTests;
  count.skipped += report.numPendingTests + report.numTodoTests;
  for (const file of report.testResults) {
    // a file that could not even be loaded has no tests to count
    const loaded =
      file.status === 'passed' || file.assertionResults.some((/** @type {any} */ test) => test.status === 'failed');
    if (!loaded) count.failed += 1;
  }
}
if (count.skipped > 0) console.log(`${count.skipped} tests were skipped: here every test has to run`);
console.log(`${count.passed} passed, ${count.failed} failed`);
if (count.failed + count.skipped > 0 || count.passed === 0) process.exitCode = 1;
