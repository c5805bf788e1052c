import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { alternate, atMostMore, toRow } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';

const execute = promisify(execFile);

/** Milliseconds that a fresh process takes to import these, its own start not counted. */
async function timeImport({ execArgv, signal }: Bench, specifiers: readonly string[]): Promise<number> {
  const imports = specifiers.map((specifier) => `await import(${JSON.stringify(specifier)});`).join('');
  const program = `const start = performance.now(); ${imports} console.log(performance.now() - start);`;
  const { stdout } = await execute(process.execPath, [...execArgv, '--input-type=module', '--eval', program], {
    // Names are looked up from here.
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    signal,
  });
  return Number(stdout);
}

const scenario = 'import';

export const importTime: Scenario = {
  name: scenario,
  about: 'importing core, durable and store-sqlite in a fresh process; floor: better-sqlite3. The harness; floor: ai',
  async run(bench: Bench) {
    const { sqlite, engine, ai, harness } = await alternate(bench, {
      sqlite: () => timeImport(bench, ['better-sqlite3']),
      engine: () => timeImport(bench, ['@prusik/core', '@prusik/durable', '@prusik/store-sqlite']),
      ai: () => timeImport(bench, ['ai']),
      harness: () => timeImport(bench, ['@prusik/harness', '@prusik/agents', '@prusik/store-sqlite']),
    });
    return [
      {
        row: toRow({ scenario, subject: 'core, durable, store-sqlite', unit: 'ms' }, engine, sqlite),
        goal: atMostMore(20, 'ms'),
      },
      {
        row: toRow({ scenario, subject: 'harness, agents, store-sqlite', unit: 'ms' }, harness, ai),
        goal: atMostMore(25, 'ms'),
      },
    ];
  },
};
