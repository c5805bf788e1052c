import type {
  Entry,
  Ledger,
  Request,
  RunKey,
  RunSummary,
  Session,
  Signal,
  Store,
  StoredMessage,
  ThreadKey,
} from '@prusik/core';

/** Everything that a store has about one run. */
export interface RunRecord {
  readonly run: RunSummary;
  readonly entries: readonly Entry[];
  readonly inbox: readonly Signal[];
  /** Hashes that its outcomes name and the store does not have. */
  readonly missingBlobs: readonly string[];
  /** Of a run that has a budget. */
  readonly ledger: Ledger | undefined;
}

export interface ThreadRecord {
  readonly key: ThreadKey;
  readonly messages: readonly StoredMessage[];
  readonly session: Session | undefined;
}

/** Everything that a store has of one tenant. */
export interface StoreRecord {
  readonly runs: readonly RunRecord[];
  readonly threads: readonly ThreadRecord[];
  readonly openRequests: readonly Request[];
}

const PAGE = 1_000;

export async function readRecord(store: Store, tenant: string): Promise<StoreRecord> {
  const found = await pages((after) => store.listRuns({ tenant, limit: PAGE, ...after }));
  const runs: RunRecord[] = [];
  for (const run of found) {
    const entries = await numbered(
      (after) => store.entries(run.key, { after, limit: PAGE }),
      (entry) => entry.seq,
    );
    runs.push({
      run,
      entries,
      inbox: await numbered(
        (after) => store.inbox(run.key, { after, limit: PAGE }),
        (signal) => signal.n,
      ),
      missingBlobs: await missingBlobs(store, tenant, entries),
      ledger: await store.ledger(run.key),
    });
  }
  const sessions = new Set(found.flatMap((run) => run.session ?? []));
  const threads: ThreadRecord[] = [];
  for (const id of sessions) threads.push(await readThread(store, { tenant, of: 'session', id }));
  for (const { key } of found.filter((run) => run.session === undefined))
    threads.push(await readThread(store, threadOfRun(key)));
  const openRequests = await pages((after) => store.listRequests({ tenant, status: ['open'], limit: PAGE, ...after }));
  return { runs, threads, openRequests };
}

async function missingBlobs(store: Store, tenant: string, entries: readonly Entry[]): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const entry of entries) {
    if (entry.type !== 'step-end' || !entry.outcome.ok || entry.outcome.blob === undefined) continue;
    const { hash } = entry.outcome.blob;
    if ((await store.blob(tenant, hash)) === undefined) missing.push(hash);
  }
  return missing;
}

const threadOfRun = ({ tenant, run }: RunKey): ThreadKey => ({ tenant, of: 'run', id: run });

async function readThread(store: Store, key: ThreadKey): Promise<ThreadRecord> {
  return {
    key,
    messages: await numbered(
      (after) => store.messages(key, { after, limit: PAGE }),
      (message) => message.n,
    ),
    session: key.of === 'session' ? await store.session({ tenant: key.tenant, session: key.id }) : undefined,
  };
}

async function pages<T>(
  read: (after: { after?: string }) => Promise<{ readonly items: readonly T[]; readonly next?: string }>,
): Promise<readonly T[]> {
  const all: T[] = [];
  for (let after: string | undefined; ;) {
    const page = await read(after === undefined ? {} : { after });
    all.push(...page.items);
    if (page.next === undefined) return all;
    after = page.next;
  }
}

async function numbered<T>(
  read: (after: number) => Promise<readonly T[]>,
  number: (item: T) => number,
): Promise<readonly T[]> {
  const all: T[] = [];
  for (;;) {
    const last = all.at(-1);
    const page = await read(last === undefined ? 0 : number(last));
    all.push(...page);
    if (page.length < PAGE) return all;
  }
}
