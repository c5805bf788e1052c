export { backupStore, type BackupOptions, type BackupProgress } from './backup-store.ts';
export { checkStore, type CheckOptions } from './check-store.ts';
export { restoreBackup, type RestoreOptions } from './restore-backup.ts';
export { sqliteStore, type SqliteStoreOptions } from './sqlite-store.ts';
export type { StoreProblem } from './store-problem.ts';
