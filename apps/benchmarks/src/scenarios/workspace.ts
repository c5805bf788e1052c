import { join } from 'node:path';
import type { Sandbox } from '@prusik/core';
import { alternate, timed, toRow, type Goal } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { withSandbox } from './sandbox.ts';

const CHANGED = 10;
/** Seconds each, on a slow disk. */
const MOST_ROUNDS = 3;

/** A workspace of so many small files that no other has, in folders of a hundred. */
async function fill(sandbox: Sandbox, id: string, files: number): Promise<void> {
  await sandbox.workspaces.create({ id });
  const session = await sandbox.open({ workspace: id, limits: { timeoutMs: 60_000 } });
  const script =
    'i=0; while [ $i -lt $1 ]; do d=d$((i / 100)); [ -d $d ] || mkdir $d; echo "$2 $i" > $d/$i; i=$((i + 1)); done';
  const { exitCode } = await session.exec('/bin/sh', ['-c', script, 'sh', String(files), id]);
  if (exitCode !== 0) throw new Error(`The files of ${id} could not be made`);
  await session[Symbol.asyncDispose]();
}

async function change(sandbox: Sandbox, id: string, what: string): Promise<void> {
  const session = await sandbox.open({ workspace: id });
  for (let index = 0; index < CHANGED; index += 1)
    await session.writeTextFile({ path: join('d0', String(index)), content: `${what} ${index}` });
  await session[Symbol.asyncDispose]();
}

const underTenth: Goal = {
  text: '≤ 0.1 ×',
  isMet: ({ ratio }) => ratio !== null && ratio <= 0.1,
};

export const workspace: Scenario = {
  name: 'workspace',
  about:
    'snapshot and restore of a workspace of 10,000 files of which 10 have changed; floor: the first snapshot, a restore into an empty one',
  run: (bench: Bench) =>
    withSandbox(bench, async (sandbox) => {
      const scenario = 'workspace';
      const { workspaces } = sandbox;
      const files = bench.count(10_000);
      let made = 0;
      const round = async () => {
        made += 1;
        const id = `w${made}`;
        await fill(sandbox, id, files);
        let first = '';
        const firstMs = await timed(async () => (first = (await workspaces.snapshot(id)).snapshot));
        await change(sandbox, id, 'changed');
        const againMs = await timed(() => workspaces.snapshot(id));
        const restoreMs = await timed(() => workspaces.restore(id, first));
        const wholeMs = await timed(() => workspaces.create({ id: `${id}-whole`, from: { snapshot: first } }));
        await workspaces.remove(id);
        await workspaces.remove(`${id}-whole`);
        return { firstMs, againMs, restoreMs, wholeMs };
      };
      const { rounds } = await alternate({ ...bench, rounds: Math.min(bench.rounds, MOST_ROUNDS) }, { rounds: round });
      return [
        {
          row: toRow(
            { scenario, subject: `snapshot, ${CHANGED} changed`, unit: 'ms' },
            rounds.map(({ againMs }) => againMs),
            rounds.map(({ firstMs }) => firstMs),
          ),
          goal: underTenth,
        },
        {
          row: toRow(
            { scenario, subject: `restore, ${CHANGED} changed`, unit: 'ms' },
            rounds.map(({ restoreMs }) => restoreMs),
            rounds.map(({ wholeMs }) => wholeMs),
          ),
          goal: underTenth,
        },
      ];
    }),
};
