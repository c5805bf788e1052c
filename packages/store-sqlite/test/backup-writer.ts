// `backup-writer.ts backup FROM TO` or `restore FROM TO`, in a process of its own for tests that lose its power. Prints `done`.
import { backupStore, restoreBackup } from '@prusik/store-sqlite';

const [what, from = '', to = ''] = process.argv.slice(2);
await (what === 'restore' ? restoreBackup : backupStore)({ from, to, overwrite: true });
process.stdout.write('done\n');
