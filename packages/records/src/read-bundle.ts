import { createHash } from 'node:crypto';
import { isObject, PrusikError, WRITE_LIMIT, type Json } from '@prusik/core';
import {
  BUNDLE_VERSION,
  noRows,
  OWN_ROWS,
  ROW_KINDS,
  type BundleCounts,
  type BundleHeader,
  type BundleRows,
  type SessionRow,
  type RunRow,
} from './bundle.ts';

/** A row with the number of its line. */
export interface ReadRow<Kind extends keyof BundleRows> {
  readonly line: number;
  readonly row: BundleRows[Kind];
}

/** Rows of a run or a session, as they were read. What they hold is anybody's word until it was looked at. */
export interface ReadOwner<Row> {
  readonly line: number;
  readonly row: Row;
  readonly rows: { readonly [Kind in keyof BundleRows]: readonly ReadRow<Kind>[] };
  /** Of its lines. */
  readonly digest: string;
}

export interface ReadBlob {
  readonly line: number;
  readonly hash: string;
  readonly bytes: Buffer;
}

/** A bundle that is whole: its lines are all there, in one piece and as they were written. */
export interface ReadBundle {
  readonly header: BundleHeader;
  readonly session?: ReadOwner<SessionRow>;
  readonly runs: readonly ReadOwner<RunRow>[];
  readonly blobs: ReadonlyMap<string, ReadBlob>;
}

export interface ReadOptions {
  readonly maxBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** @throws {PrusikError} `IMPORT_INVALID` with `meta.line`, `IMPORT_TOO_LARGE`; and whatever the lines throw, the reason of `signal`. */
export async function readBundle(
  lines: AsyncIterable<string> | Iterable<string>,
  { maxBytes, signal }: ReadOptions,
): Promise<ReadBundle> {
  const hash = createHash('sha256');
  const counts = noRows();
  const parts = createParts();
  let header: BundleHeader | undefined;
  let ended = false;
  let line = 0;
  let bytes = 0;
  for await (const given of lines) {
    signal?.throwIfAborted();
    line += 1;
    if (ended) throw invalid(line, 'There is something after the last line');
    const text = textOf(given, line);
    bytes += Buffer.byteLength(text) + 1;
    if (bytes > maxBytes || text.length > WRITE_LIMIT) throw tooLarge(maxBytes);
    const value = parsed(text, line);
    if (header === undefined) header = headerOf(value, line);
    else if ('end' in value) {
      checkEnd(value['end'], { counts, sha256: hash.copy().digest('hex'), line });
      ended = true;
    } else {
      const kind = kindOf(value, line);
      counts[kind] += 1;
      parts.add(kind, value[kind] as Json, line, text);
    }
    hash.update(`${text}\n`);
  }
  if (header === undefined) throw invalid(1, 'There is no line');
  if (!ended) throw invalid(line + 1, 'The last line is missing: the bundle was cut');
  if (header.counts.runs !== counts.run || header.counts.entries !== counts.entry)
    throw invalid(
      1,
      `It says ${header.counts.runs} runs with ${header.counts.entries} entries, and has ${counts.run} with ${counts.entry}`,
    );
  return { header, ...parts.read() };
}

export function invalid(line: number, what: string): PrusikError {
  return new PrusikError('IMPORT_INVALID', `Line ${line}: ${what}`, { meta: { line } });
}

const tooLarge = (maxBytes: number): PrusikError =>
  new PrusikError(
    'IMPORT_TOO_LARGE',
    `The bundle has more than ${maxBytes} bytes, or a line more than ${WRITE_LIMIT}`,
    {
      meta: { maxBytes },
    },
  );

/** With its line break or without. */
function textOf(given: unknown, line: number): string {
  if (typeof given !== 'string') throw new TypeError('The lines of a bundle are strings');
  const text = given.endsWith('\n') ? given.slice(0, -1) : given;
  if (text.includes('\n')) throw invalid(line, 'It is more than one line');
  return text;
}

function parsed(text: string, line: number): Readonly<Record<string, Json>> {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    throw invalid(line, 'It is no JSON');
  }
  if (!isObject(value)) throw invalid(line, 'It is no JSON object');
  return value;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function headerOf(value: Readonly<Record<string, Json>>, line: number): BundleHeader {
  if (value['prusik'] !== 'records') throw invalid(line, 'It is no bundle of records');
  if (value['v'] !== BUNDLE_VERSION)
    throw invalid(
      line,
      `It is of version ${JSON.stringify(value['v'])?.slice(0, 20)}, and this release reads version ${BUNDLE_VERSION}`,
    );
  const { of, id, tenant, redacted, live, blobs, counts } = value;
  const isOne = (one: Json | undefined, ...all: readonly string[]): boolean => all.includes(one as string);
  if (
    !isOne(of, 'run', 'session') ||
    typeof id !== 'string' ||
    typeof tenant !== 'string' ||
    !isOne(redacted, 'none', 'secrets', 'content') ||
    typeof live !== 'boolean' ||
    typeof blobs !== 'boolean' ||
    !isObject(counts) ||
    !isCount(counts['runs']) ||
    !isCount(counts['entries'])
  )
    throw invalid(line, 'It is no header of a bundle');
  // Every field was looked at.
  return value as unknown as BundleHeader;
}

function kindOf(value: Readonly<Record<string, Json>>, line: number): keyof BundleRows {
  const names = Object.keys(value);
  const kind = ROW_KINDS.find((known) => known === names[0]);
  if (kind === undefined || names.length !== 1) throw invalid(line, 'It is no row of a kind that this release knows');
  return kind;
}

function checkEnd(
  end: Json | undefined,
  found: { readonly counts: BundleCounts; readonly sha256: string; readonly line: number },
): void {
  if (!isObject(end) || !isObject(end['counts'])) throw invalid(found.line, 'It is no last line of a bundle');
  for (const kind of ROW_KINDS)
    if (end['counts'][kind] !== found.counts[kind])
      throw invalid(found.line, `There are ${found.counts[kind]} rows of the kind ${kind}, and it says another number`);
  if (end['sha256'] !== found.sha256) throw invalid(found.line, 'The lines before it are not those that were written');
}

type Rows = { [Kind in keyof BundleRows]: ReadRow<Kind>[] };

interface OpenOwner {
  readonly line: number;
  readonly row: Json;
  readonly rows: Rows;
  readonly hash: ReturnType<typeof createHash>;
}

/** Puts each row to the run or session that it follows. */
function createParts() {
  const runs: OpenOwner[] = [];
  let session: OpenOwner | undefined;
  let owner: OpenOwner | undefined;
  const blobs = new Map<string, { line: number; size: number; pieces: Buffer[] }>();
  let blob: { line: number; size: number; pieces: Buffer[] } | undefined;

  function open(row: Json, line: number): OpenOwner {
    if (!isObject(row)) throw invalid(line, 'It is no row of a run or a session');
    // Every kind is there.
    const rows = Object.fromEntries(ROW_KINDS.map((kind) => [kind, []])) as unknown as Rows;
    return { line, row, rows, hash: createHash('sha256') };
  }

  function addBlob(kind: 'blob' | 'piece', row: Json, line: number): void {
    if (kind === 'blob') {
      if (!isObject(row) || typeof row['hash'] !== 'string' || !isCount(row['size']))
        throw invalid(line, 'It is no blob');
      if (blobs.has(row['hash'])) throw invalid(line, 'This blob was there before');
      blob = { line, size: row['size'], pieces: [] };
      blobs.set(row['hash'], blob);
      return;
    }
    if (blob === undefined || typeof row !== 'string') throw invalid(line, 'It is no piece of a blob');
    blob.pieces.push(Buffer.from(row, 'base64'));
  }

  return {
    add(kind: keyof BundleRows, row: Json, line: number, text: string): void {
      if (kind === 'blob' || kind === 'piece') return addBlob(kind, row, line);
      if (blob !== undefined) throw invalid(line, 'Blobs come last');
      if (kind === 'session') {
        if (session !== undefined || runs.length > 0) throw invalid(line, 'A session comes first, and alone');
        owner = session = open(row, line);
      } else if (kind === 'run') {
        owner = open(row, line);
        runs.push(owner);
      }
      if (owner === undefined) throw invalid(line, 'It follows no run and no session');
      (owner.rows[kind] as ReadRow<typeof kind>[]).push({ line, row: row as never });
      if (OWN_ROWS.has(kind)) owner.hash.update(`${text}\n`);
    },
    read(): Omit<ReadBundle, 'header'> {
      const closed = <Row>({ line, row, rows, hash }: OpenOwner): ReadOwner<Row> => ({
        line,
        // Looked at, field by field, by whoever makes a record of it.
        row: row as unknown as Row,
        rows,
        digest: `sha256:${hash.digest('hex')}`,
      });
      return {
        ...(session === undefined ? {} : { session: closed<SessionRow>(session) }),
        runs: runs.map((run) => closed<RunRow>(run)),
        blobs: new Map([...blobs].map(([hash, found]) => [hash, wholeBlob(hash, found)])),
      };
    },
  };
}

function wholeBlob(
  hash: string,
  { line, size, pieces }: { readonly line: number; readonly size: number; readonly pieces: readonly Buffer[] },
): ReadBlob {
  const bytes = Buffer.concat(pieces);
  if (bytes.length !== size || `sha256:${createHash('sha256').update(bytes).digest('hex')}` !== hash)
    throw invalid(line, 'The bytes of the blob are not what its hash says');
  return { line, hash, bytes };
}
