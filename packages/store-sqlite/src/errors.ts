import { PrusikError } from '@prusik/core';

/** What SQLite reports, as one of the store's codes; what SQLite did not say (a defect, a wrong argument) as it is. */
export function storeError(error: unknown, path: string): unknown {
  const code = sqliteCode(error);
  if (code === undefined) return error;
  const said = error instanceof Error ? error.message : String(error);
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code))
    return new PrusikError('STORE_CORRUPT', `The database ${path} is damaged: ${said}`, { cause: error });
  if (code.startsWith('SQLITE_BUSY'))
    return new PrusikError('STORE_BUSY', `The database ${path} is held by other processes`, {
      cause: error,
      retryable: true,
    });
  if (/^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|PROTOCOL)/.test(code))
    return new PrusikError('STORE_UNAVAILABLE', `The database ${path} cannot be used: ${said} (${code})`, {
      cause: error,
      retryable: true,
    });
  if (code === 'SQLITE_TOOBIG')
    return new PrusikError('STORE_TOO_LARGE', 'A value is larger than SQLite can hold', { cause: error });
  return new PrusikError('STORE_FAILED', `The database ${path} refused: ${said} (${code})`, { cause: error });
}

export function isBusy(error: unknown): boolean {
  return sqliteCode(error)?.startsWith('SQLITE_BUSY') === true;
}

/** What is in the file cannot be read, or no longer. */
export function isDamaged(error: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB|IOERR)/.test(sqliteCode(error) ?? '');
}

function sqliteCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return error instanceof Error && typeof code === 'string' && code.startsWith('SQLITE_') ? code : undefined;
}
