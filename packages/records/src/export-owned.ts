import type { Grant, GrantRecord, Note, NoteRecord, Request, RequestRecord, Store, ThreadKey } from '@prusik/core';
import type { BundleWriter } from './write-bundle.ts';
import { all, eachOf, eachUpTo } from './pages.ts';

/** Lines come in pages on their way, since to wait for each by itself costs more than to make it. */
export async function* lineByLine(pages: AsyncIterable<readonly string[]>): AsyncGenerator<string, void> {
  for await (const page of pages) for (const line of page) yield line;
}

/** Where rows go on their way out. */
export interface Sink extends Pick<BundleWriter, 'row'> {
  readonly store: Store;
  readonly signal: AbortSignal | undefined;
  /** Whether bytes of blobs are exported as well. */
  readonly blobs: boolean;
}

/** Messages of a thread between two numbers, hidden ones too, and what its slots hold. */
export async function* exportThread(
  { store, row, signal }: Sink,
  thread: ThreadKey,
  between: { readonly after?: number; readonly upTo?: number } = {},
): AsyncGenerator<readonly string[], void> {
  const read = eachUpTo(
    (page) => store.messages(thread, { ...page, hidden: true }),
    ({ n }) => n,
    between,
  );
  for await (const messages of read) {
    signal?.throwIfAborted();
    yield messages.map((message) => row('message', message));
  }
}

export async function* exportSlots({ store, row }: Sink, owner: ThreadKey): AsyncGenerator<readonly string[], void> {
  yield (await store.slots(owner)).map((slot) => row('slot', slot));
}

export async function* exportGrants(
  { store, row }: Sink,
  { tenant, of, id }: ThreadKey,
): AsyncGenerator<readonly string[], void> {
  for await (const grant of eachOf((page) => store.listGrants({ tenant, [of]: id, ...page })))
    if (grant.scope.of === of && grant.scope.id === id) yield [row('grant', grantRecord(grant))];
}

/** Hashes of the blobs that it uses, where they are exported. */
export async function usedBlobs({ store, blobs }: Sink, owner: ThreadKey): Promise<readonly string[]> {
  return blobs ? (await all(eachOf((page) => store.blobsOf(owner, page)))).map(({ hash }) => hash) : [];
}

export function requestRecord(request: Request): RequestRecord {
  const { id, kind, stepKey, body, schema, expiresAt, status, openedAt, decision, claimed } = request;
  return {
    id,
    kind,
    stepKey,
    body,
    ...(schema === undefined ? {} : { schema }),
    expiresAt,
    status,
    openedAt,
    ...(decision === undefined ? {} : { decision }),
    claimed,
  };
}

function grantRecord({ tool, toolHash, part, exact, given, expiresAt, revoked }: Grant): GrantRecord {
  const { run, ...how } = given;
  return {
    tool,
    toolHash,
    part,
    exact,
    given: { run: run.run, ...how },
    expiresAt,
    ...(revoked === undefined ? {} : { revoked }),
  };
}

export const noteRecord = ({ kind, key, data, at }: Note): NoteRecord => ({ kind, key, data, at });
