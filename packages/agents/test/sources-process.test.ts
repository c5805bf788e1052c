import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sqliteStore } from '@prusik/store-sqlite';
import { processGroup } from '@prusik/testing-contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resultsOf } from './support.ts';
import { listedTool } from './tool-source.ts';

const script = fileURLToPath(new URL('fixtures/source-caller.ts', import.meta.url));
const { hash } = listedTool('alpha');

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'prusik-sources-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Kills a process in the middle of a call of a source, lets another go on, and gives what happened in the world and what the model was told. */
async function killedAndResumed(effect: string) {
  const [path, happened] = [join(directory, 'store.db'), join(directory, 'happened')];
  const group = processGroup();
  const store = sqliteStore({ path });
  try {
    const run = async (...how: readonly string[]) => {
      const started = group.start({
        name: 'caller',
        script,
        args: [path, happened, effect, ...how],
        execArgv: ['--conditions=@prusik/source'],
      });
      const end = await started.ended;
      return { ...end, output: started.output };
    };
    expect(await run('kill')).toMatchObject({ signal: 'SIGKILL' });
    expect(await run()).toMatchObject({ code: 0 });
    const lines = readFileSync(happened, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    return { lines, result: (await resultsOf(store, 'r'))['c1'] };
  } finally {
    await store[Symbol.asyncDispose]();
    await group[Symbol.asyncDispose]();
  }
}

describe('AGT-16, MCP-2: a process that is killed in the middle of a call of a source', () => {
  it('DUR-5, I4: leaves a call that may happen once in doubt: the next process does not send it, and asks no source about it', async () => {
    const { lines, result } = await killedAndResumed('once');

    expect(result).toMatchObject({ type: 'error', code: 'STEP_IN_DOUBT' });
    expect(lines).toEqual(['listed', expect.stringMatching(`^called ${hash} `), 'listed', 'completed']);
  }, 60_000);

  it.each(['repeatable', 'keyed'])(
    'DUR-5: has it sent again where it is %s, by the recorded hash and the same key',
    async (effect) => {
      const { lines, result } = await killedAndResumed(effect);

      expect(result).toEqual({ type: 'text', text: 'it is done' });
      const [, first, second, ...rest] = lines;
      expect(first).toMatch(`called ${hash} `);
      expect(second).toBe(first);
      expect(rest).toEqual(['listed', 'completed']);
    },
    60_000,
  );
});
