import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { PrusikError } from '@prusik/core';
import { readFileHeader } from './file-header.ts';
import { BACKUP_ID, checkIdentity, foreign, STORE_ID } from './identity.ts';
import { fileAt, isOpenHere, trackOpening } from './open-files.ts';

export interface OpenedToRead {
  readonly db: Database.Database;
  /** The schema version of the file, which may be older than ours. */
  readonly version: number;
  close(): void;
}

/** Opens a store, or a backup where that is allowed, only to read it; whoever else has it open goes on. */
export function openToRead(file: string, { orBackup }: { readonly orBackup: boolean }): OpenedToRead {
  const opened = fileAt(file);
  if (opened === undefined) throw new PrusikError('STORE_MISSING', `There is no store at ${file}`);
  // Under a rollback journal the header means nothing yet.
  if (!isOpenHere(opened) && !existsSync(`${file}-journal`)) {
    const header = readFileHeader(file);
    if (header.found !== 'database') throw foreign(file, 'store');
    checkIdentity(file, header, kindOf(header.applicationId, orBackup));
  }
  const forget = trackOpening(opened);
  let db: Database.Database | undefined;
  const close = (): void => {
    db?.close();
    forget();
  };
  try {
    db = new Database(file, { readonly: true, fileMustExist: true });
    const applicationId = Number(db.pragma('application_id', { simple: true }));
    const userVersion = Number(db.pragma('user_version', { simple: true }));
    checkIdentity(file, { applicationId, userVersion }, kindOf(applicationId, orBackup));
    return { db, version: userVersion, close };
  } catch (error) {
    close();
    throw error;
  }
}

function kindOf(applicationId: number, orBackup: boolean): typeof STORE_ID | typeof BACKUP_ID {
  return orBackup && applicationId === BACKUP_ID ? BACKUP_ID : STORE_ID;
}
