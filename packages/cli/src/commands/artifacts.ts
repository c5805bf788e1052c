import { resolve } from 'node:path';
import { listArtifacts, PrusikError } from '@prusik/core';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { bytesText, timeText } from '../tell.ts';
import { requireRun } from '../tree.ts';
import { usage } from '../values.ts';
import { writeAll } from '../write-all.ts';

export const artifacts: Command = {
  summary: 'List what a run and its children have made, or write one of it',
  operands: ['RUN', '[NAME]'],
  options: { out: { type: 'string', value: 'FILE', help: 'with NAME: a new file for its bytes (default: stdout)' } },
  notes: ['The newest of a name is written: that of the run itself, or of the one child that made it.'],
  async run({ io, tell, open, keyOf, operand, operands, values }) {
    const out = values.text('out');
    if (tell.json && operands() > 1 && out === undefined)
      throw usage('With --json the bytes of an artifact need a file: --out FILE');
    const { store } = open();
    const { key } = await requireRun(store, keyOf(operand(0)));
    const found = await listArtifacts(store, key);
    if (operands() < 2) {
      if (out !== undefined) throw usage('--out goes with the name of an artifact');
      tell.rows('artifact', found, {
        columns: ['run', 'name', 'type', 'size', 'made', 'title'],
        cells: ({ run, name, type, size, at, title }) => [run.run, name, type, bytesText(size), timeText(at), title],
        none: 'No artifact.',
      });
      return EXIT.ok;
    }
    const name = operand(1);
    const named = found.filter((artifact) => artifact.name === name);
    const one = named.find(({ run }) => run.run === key.run) ?? named[0];
    if (one === undefined) throw new PrusikError('ARTIFACT_UNKNOWN', `Run ${key.run} has no artifact ${name}`);
    if (named.length > 1 && one.run.run !== key.run)
      throw usage(`Several runs made ${name}; name one of them: ${named.map(({ run }) => run.run).join(', ')}`);
    const to = out === undefined ? undefined : resolve(io.cwd, out);
    const bytes = await writeAll(store.readBlob(one.run.tenant, one.hash), to, io);
    if (to !== undefined) tell.thing('artifact', { ...one, to }, [`Wrote ${bytesText(bytes)} to ${to}`]);
    return EXIT.ok;
  },
};
