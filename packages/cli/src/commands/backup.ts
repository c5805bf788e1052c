import { resolve } from 'node:path';
import { backupStore, restoreBackup } from '@prusik/store-sqlite';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { bytesText } from '../tell.ts';
import { usage } from '../values.ts';

export const backup: Command = {
  summary: 'Copy the store as it is at one instant, beside its workers',
  operands: ['FILE'],
  options: { overwrite: { type: 'boolean', help: 'replace an earlier backup of that name' } },
  async run({ io, tell, db, operand, values }) {
    const from = db();
    const to = resolve(io.cwd, operand(0));
    let bytes = 0;
    await backupStore({
      from,
      to,
      overwrite: values.has('overwrite'),
      signal: io.signal,
      onProgress: (progress) => void (bytes = progress.totalBytes),
    });
    tell.thing('backup', { from, to, bytes }, [`Backed up ${bytesText(bytes)} to ${to}`]);
    return EXIT.ok;
  },
};

export const restore: Command = {
  summary: 'Make a store of a backup, at --db',
  operands: ['FILE'],
  options: { overwrite: { type: 'boolean', help: 'replace the store that is there, which no process may have open' } },
  notes: ['The new store is of the next generation: whoever held a run before holds nothing any more.'],
  async run({ io, tell, db, operand, values }) {
    const from = resolve(io.cwd, operand(0));
    const to = db();
    if (from === to) throw usage('A backup cannot be restored over itself: name the store with --db');
    const { generation } = await restoreBackup({
      from,
      to,
      overwrite: values.has('overwrite'),
      signal: io.signal,
    });
    tell.thing('restore', { from, to, generation }, [`Restored to ${to}, generation ${generation}`]);
    return EXIT.ok;
  },
};
