// `backup-writer.ts backup FROM TO` or `restore FROM TO`, in a process of its own. Prints `done`, or the code that it was refused with.
import { isPrusikError } from '@prusik/core';
import { backupStore, restoreBackup } from '@prusik/store-sqlite';

const [what, from = '', to = ''] = process.argv.slice(2);
try {
  await (what === 'restore' ? restoreBackup : backupStore)({ from, to, overwrite: true });
  process.stdout.write('done\n');
} catch (error) {
  process.stdout.write(`${isPrusikError(error) ? error.code : String(error)}\n`);
}
