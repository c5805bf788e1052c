import { beforeAll, describe, expect, it } from 'vitest';
import { MISTAKES } from '../src/mistakes.ts';
import { leaksOf, WRITTEN } from './rules.ts';
import { runAppProcess, type AppRun } from './run-app.ts';

const LONG = 60_000;

/** What has to hold before a search says anything. */
function expectAlive({ code, stderr, found, unused }: AppRun): void {
  expect(code, stderr).toBe(0);
  expect(unused).toEqual([]);
  expect(WRITTEN.filter((sink) => !found.has(sink))).toEqual([]);
}

describe('TEL-3, I11: a whole app with words planted in all that it touches', () => {
  it.each(['none', 'metadata'] as const)(
    'leaks none of them: content %s',
    async (capture) => {
      const run = await runAppProcess({ capture, isLeaky: false });

      expectAlive(run);
      expect(leaksOf(run, capture)).toEqual([]);
    },
    LONG,
  );

  it(
    'shows content in full in the attributes that are for it and nowhere else, and credentials nowhere',
    async () => {
      const run = await runAppProcess({ capture: 'full', isLeaky: false });

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
      const run = await runAppProcess({ capture: 'none', isLeaky: true });
      expectAlive(run);
      leaks = leaksOf(run, 'none');
    }, LONG);

    it.each(MISTAKES)('%s', (_, kind, sink) => {
      expect(leaks).toContain(`${kind} in ${sink}`);
    });
  });
});
