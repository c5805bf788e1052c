import { expect, it } from 'vitest';
import { storeError } from '../src/errors.ts';

const sqlite = (code: string): Error => Object.assign(new Error('as SQLite says it'), { code });

it.each([
  ['SQLITE_CORRUPT_INDEX', 'STORE_CORRUPT', false],
  ['SQLITE_NOTADB', 'STORE_CORRUPT', false],
  ['SQLITE_BUSY_SNAPSHOT', 'STORE_BUSY', true],
  ['SQLITE_FULL', 'STORE_UNAVAILABLE', true],
  ['SQLITE_IOERR_READ', 'STORE_UNAVAILABLE', true],
  ['SQLITE_TOOBIG', 'STORE_TOO_LARGE', false],
  ['SQLITE_CONSTRAINT_UNIQUE', 'STORE_FAILED', false],
  ['SQLITE_ERROR', 'STORE_FAILED', false],
])('ERR-1: whatever SQLite reports has a code, and is its cause: %s is %s', (code, expected, retryable) => {
  const cause = sqlite(code);

  expect(storeError(cause, '/data/store.db')).toMatchObject({ name: 'PrusikError', code: expected, retryable, cause });
});

it.each([new TypeError('wrong'), new Error('a defect'), Object.assign(new Error('x'), { code: 'ENOENT' }), 'no error'])(
  'ERR-1: what SQLite did not report stays what it is: %s',
  (error) => {
    expect(storeError(error, '/data/store.db')).toBe(error);
  },
);
