import {
  checkId,
  checkOptions,
  isSameRecord,
  PrusikError,
  type ImportRunResult,
  type RunImport,
  type RunKey,
  type SessionKey,
  type Store,
} from '@prusik/core';
import { readBundle, type ReadBundle } from './read-bundle.ts';
import { toRecords, type Records } from './to-records.ts';

/** How a bundle is imported. */
export interface ImportOptions {
  /** Tenant that it goes to. @default the one that it comes from */
  readonly into?: string;
  /** The largest bundle, in bytes: it is held in memory until it was looked at. @default 268_435_456 */
  readonly maxBytes?: number;
  /** Ends it with its reason, between two writes: the same import goes on from there. */
  readonly signal?: AbortSignal;
}

/** What an import has written. */
export interface ImportedRecords {
  /** `existing`: all of it was there. */
  readonly outcome: 'imported' | 'existing';
  /** Of what the header names. */
  readonly key: RunKey | SessionKey;
  /** Runs that were written, and runs that were there. */
  readonly runs: { readonly imported: number; readonly existing: number };
  /** Blobs that were put. */
  readonly blobs: number;
  /** Its content is not what it was. */
  readonly redacted: boolean;
}

const OPTIONS = {
  names: { into: true, maxBytes: true, signal: true } satisfies Record<keyof ImportOptions, true>,
  elsewhere: { tenant: 'into' },
};
const MAX_BYTES = 268_435_456;

/**
 * Writes what a bundle holds: ended runs and closed sessions, as records that nothing goes on from. Everything is looked at before the first write, and nothing is ever overwritten. Each run is
 * one write, parents first; an import that was cut off is finished by the same import, and the same import again is `existing`.
 *
 * Rejects with `IMPORT_INVALID` and `meta.line` for what is no such bundle, whole and undamaged, or is of a later time than the store's; with `IMPORT_TOO_LARGE`; with `RUN_LIVE` or `SESSION_NOT_CLOSED` for what had not ended; with
 * `RUN_EXISTS` or `SESSION_EXISTS` where another stands under its id; with `RUN_UNKNOWN` or `SESSION_UNKNOWN` (retryable) where what was written of it is removed meanwhile; with what the lines throw and the reason of `signal`.
 *
 * @param lines each with its line break or without, as {@link exportRun} gives them
 * @throws {TypeError} for options that cannot be.
 */
export async function importRecords(
  store: Store,
  lines: AsyncIterable<string> | Iterable<string>,
  options: ImportOptions = {},
): Promise<ImportedRecords> {
  checkOptions('importRecords', options, OPTIONS);
  const { into, maxBytes = MAX_BYTES, signal } = options;
  if (into !== undefined) checkId('tenant', into);
  if (!(maxBytes > 0)) throw new TypeError(`maxBytes must be a positive number, not ${maxBytes}`);
  if (typeof lines === 'string') throw new TypeError('The lines of an import are a list or a stream, not one text');
  const bundle = await readBundle(lines, { maxBytes, signal });
  const records = toRecords(bundle, into ?? bundle.header.tenant);
  await checkPlaces(store, records);
  return writeAll(store, bundle, records, signal);
}

/** What stands where something is to be written is found before the first write; the store asks again with each. */
async function checkPlaces(store: Store, { runs, session }: Records): Promise<void> {
  for (const record of runs) {
    const found = await store.run(record.run.key);
    if (found !== undefined && !isSameRecord(found, record)) throw runExists(record);
  }
  if (session === undefined) return;
  const found = await store.session(session.session.key);
  if (found?.imported !== undefined && found.imported.digest !== session.imported.digest)
    throw sessionExists(session.session.key);
}

const runExists = ({ run: { key } }: RunImport): PrusikError =>
  new PrusikError(
    'RUN_EXISTS',
    `There is another run ${key.run} in tenant ${key.tenant}; \`into\` takes another tenant`,
    { meta: { run: key.run } },
  );
const sessionExists = ({ session, tenant }: SessionKey): PrusikError =>
  new PrusikError(
    'SESSION_EXISTS',
    `There is another session ${session} in tenant ${tenant}; \`into\` takes another tenant`,
    { meta: { session } },
  );

async function writeAll(
  store: Store,
  { header, blobs }: ReadBundle,
  { session, runs }: Records,
  signal: AbortSignal | undefined,
): Promise<ImportedRecords> {
  let put = 0;
  let there = session === undefined;
  const counts = { imported: 0, existing: 0 };
  const tenant = (session?.session.key ?? runs[0]?.run.key)?.tenant ?? header.tenant;

  /** The first write says whether its time is right, before any bytes are kept; it asks for those that it uses. */
  async function withBlobs<T extends { readonly outcome: string; readonly code?: string }>(
    write: () => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const answer = await write();
    if (answer.outcome !== 'refused' || answer.code !== 'BLOB_UNKNOWN' || put > 0) return answer;
    for (const { bytes } of blobs.values()) {
      await store.putBlob(tenant, bytes, signal === undefined ? {} : { signal });
      put += 1;
    }
    return write();
  }

  if (session !== undefined) {
    const answer = await withBlobs(() => store.importSession(session));
    if (answer.outcome === 'refused') throw refusal(answer, sessionExists(session.session.key));
    there = answer.outcome === 'existing';
  }
  for (const record of runs) {
    const answer = await withBlobs((): Promise<ImportRunResult> =>
      store.importRun(record).catch(async (error: unknown) => {
        throw (await removedMeanwhile(store, record)) ?? error;
      }),
    );
    if (answer.outcome === 'refused') throw refusal(answer, runExists(record));
    counts[answer.outcome] += 1;
  }
  return {
    outcome: there && counts.imported === 0 ? 'existing' : 'imported',
    key: header.of === 'session' ? { tenant, session: header.id } : { tenant, run: header.id },
    runs: counts,
    blobs: put,
    redacted: header.redacted !== 'none',
  };
}

/** What a run hangs on was written before it. Where it is gone, a removal beside this import took it: nothing is wrong with the bundle. */
async function removedMeanwhile(store: Store, { run }: RunImport): Promise<PrusikError | undefined> {
  const { tenant } = run.key;
  if (run.parent !== undefined && (await store.run({ tenant, run: run.root })) === undefined)
    return removed('RUN_UNKNOWN', `Run ${run.root}`, { run: run.root });
  if (run.session !== undefined && (await store.session({ tenant, session: run.session })) === undefined)
    return removed('SESSION_UNKNOWN', `Session ${run.session}`, { session: run.session });
  return undefined;
}

const removed = (code: string, what: string, meta: Readonly<Record<string, string>>): PrusikError =>
  new PrusikError(code, `${what} was removed while it was imported; the same import again writes it anew`, {
    retryable: true,
    meta,
  });

/** A blob that was put and is not there was swept at once. */
function refusal(answer: { readonly code: string; readonly blob?: string }, exists: PrusikError): PrusikError {
  return answer.code === 'BLOB_UNKNOWN'
    ? new PrusikError('BLOB_SWEPT', `Blob ${answer.blob} was swept before it was used`, { retryable: true })
    : exists;
}
