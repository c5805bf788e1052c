import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Message } from '@prusik/core';
import { sqliteStore } from '@prusik/store-sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'prusik-approval-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const at = (name: string): string => join(directory, name);
const effects = (): string => (existsSync(at('effects')) ? readFileSync(at('effects'), 'utf8') : '');

/** What a script printed, and how its process ended. */
function run(
  script: string,
  ...args: readonly string[]
): Promise<{ readonly lines: readonly string[]; readonly ended: number | string | null }> {
  const path = fileURLToPath(new URL(`fixtures/${script}.ts`, import.meta.url));
  const child = spawn(process.execPath, ['--conditions=@prusik/source', path, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return new Promise((resolve) =>
    child.once('close', (code, signal) =>
      resolve({ lines: said.split('\n').filter((line) => line !== ''), ended: code ?? signal }),
    ),
  );
}

async function outcome(): Promise<{ readonly status: string | undefined; readonly results: readonly unknown[] }> {
  const store = sqliteStore({ path: at('store.db') });
  try {
    const key = { tenant: 'default', run: 'r' };
    const thread = await store.messages({ tenant: 'default', of: 'run', id: 'r' }, { after: 0, limit: 100 });
    const parts = thread.flatMap(({ message }: { readonly message: Message }) => message.content);
    return {
      status: (await store.run(key))?.status,
      results: parts.flatMap((part) => (part.type === 'tool-result' ? [part.output] : [])),
    };
  } finally {
    await store[Symbol.asyncDispose]();
  }
}

describe('an approval, decided from another process over one SQLite file', () => {
  it('REQ-1, REQ-2, REQ-5, REQ-8: is heard of there, refused to whom it is not for and in a form that does not fit, and acts here', async () => {
    const driving = run('publisher', at('store.db'), at('effects'));

    const deciding = await run('decider', at('store.db'));

    expect(deciding).toEqual({
      lines: ['open', 'DECISION_INVALID', 'RESPONDER_REFUSED', 'decided', 'already', 'edited'],
      ended: 0,
    });
    expect(await driving).toMatchObject({ ended: 0 });
    expect(effects()).toBe('better\n');
    expect(await outcome()).toMatchObject({ status: 'completed', results: [{ type: 'text', text: 'published' }] });
  }, 60_000);

  // The first claim is that of the start, the second the one that finds the approval.
  it.each([
    ['with the approval in its hand', 'after-claim:2', 'better\n', { type: 'text', text: 'published' }],
    [
      'after the effect and before its record',
      'before-outcome:tool:1:call_1',
      'better\n',
      { type: 'error', code: 'STEP_IN_DOUBT' },
    ],
    ['right after the record', 'after-outcome:tool:1:call_1', 'better\n', { type: 'text', text: 'published' }],
  ])(
    'REQ-4, I4: of a process that is killed %s, the effect happens once',
    async (_, point, happened, result) => {
      const killed = run('publisher', at('store.db'), at('effects'), point);
      expect(await run('decider', at('store.db'))).toMatchObject({ ended: 0 });
      expect(await killed).toMatchObject({ ended: 'SIGKILL' });

      expect(await run('publisher', at('store.db'), at('effects'))).toMatchObject({ ended: 0 });

      expect(effects()).toBe(happened);
      expect(await outcome()).toMatchObject({ status: 'completed', results: [result] });
    },
    60_000,
  );
});
