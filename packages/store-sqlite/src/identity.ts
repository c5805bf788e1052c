import { PrusikError } from '@prusik/core';
import { SCHEMA_VERSION } from './migrations/index.ts';

/** "PRSK": what makes a database file a store. */
export const STORE_ID = 0x5052534b;

/** "PRSB": a backup. Its leases and epochs are those of another file, so it is no store until it has been restored. */
export const BACKUP_ID = 0x50525342;

/** Refuses a file that is not what it should be, or that a newer release has made. */
export function checkIdentity(
  file: string,
  found: { readonly applicationId: number; readonly userVersion: number },
  wanted: typeof STORE_ID | typeof BACKUP_ID = STORE_ID,
): void {
  const { applicationId, userVersion } = found;
  if (applicationId !== wanted) {
    if (wanted === STORE_ID && applicationId === BACKUP_ID)
      throw new PrusikError('STORE_IS_BACKUP', `The file ${file} is a backup; restoreBackup() makes a store of it`);
    throw foreign(file, wanted === STORE_ID ? 'store' : 'backup');
  }
  if (userVersion > SCHEMA_VERSION)
    throw new PrusikError(
      'STORE_TOO_NEW',
      `The ${wanted === STORE_ID ? 'store' : 'backup'} ${file} has schema version ${userVersion}; this release knows up to ${SCHEMA_VERSION}. Use a newer release`,
      { meta: { version: userVersion, known: SCHEMA_VERSION } },
    );
}

export function foreign(file: string, wanted: 'store' | 'backup'): PrusikError {
  return new PrusikError('STORE_FOREIGN', `The file ${file} is not a ${wanted} of Prusik; it was not changed`);
}
