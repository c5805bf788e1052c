import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MISTAKES } from '../src/mistakes.ts';
import { leaksOf, WRITTEN } from './rules.ts';
import { runAppProcess, type AppRun } from './run-app.ts';

const LONG = 60_000;

let code: string;
beforeAll(() => {
  code = mkdtempSync(join(tmpdir(), 'leak-test-code-'));
});
afterAll(() => rmSync(code, { recursive: true, force: true, maxRetries: 5 }));

/** What has to hold before a search says anything. */
function expectAlive({ exitCode, stderr, found, unused }: AppRun): void {
  expect(exitCode, stderr).toBe(0);
  expect(unused).toEqual([]);
  expect(WRITTEN.filter((sink) => !found.has(sink))).toEqual([]);
}

describe('TEL-3, I11: a whole app with words planted in all that it touches', () => {
  it(
    'leaks none of them',
    async () => {
      const run = await runAppProcess({ capture: 'none', isLeaky: false }, code);

      expectAlive(run);
      expect(leaksOf(run, 'none')).toEqual([]);
    },
    LONG,
  );

  it(
    'shows content in full in the attributes that are for it and nowhere else, and credentials nowhere',
    async () => {
      const run = await runAppProcess({ capture: 'full', isLeaky: false }, code);

      expectAlive(run);
      expect(leaksOf(run, 'full')).toEqual([]);
      expect(run.found.get('span attribute gen_ai.output.messages')).toContain('reply');
      expect(run.found.get('span attribute gen_ai.input.messages')).toContain('toolResult');
      expect(run.found.get('span attribute gen_ai.tool.call.arguments')).toContain('toolInput');
      expect(run.found.get('span attribute gen_ai.tool.call.result')).toContain('fileContent');
      expect(run.found.get('span attribute error.message')).toContain('providerMessage');
      expect(run.found.get('collector /protobuf/v1/traces')).toContain('reply');
    },
    LONG,
  );

  describe('and an app that makes the usual mistakes is found out', () => {
    let leaks: readonly string[] = [];
    beforeAll(async () => {
      const run = await runAppProcess({ capture: 'metadata', isLeaky: true }, code);
      expectAlive(run);
      leaks = leaksOf(run, 'metadata');
    }, LONG);

    it('and not by what is told of content, as numbers and kinds', () => {
      expect(leaks.filter((leak) => leak.includes('span attribute'))).toEqual([
        'toolInput in span attribute app.question',
      ]);
    });

    it.each(MISTAKES)('%s', (_, kind, sink) => {
      expect(leaks).toContain(`${kind} in ${sink}`);
    });
  });
});
