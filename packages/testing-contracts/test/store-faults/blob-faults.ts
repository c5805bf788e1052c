import type { CommitResult, Store } from '@prusik/core';
import { bytes, port, rows, without, type StoreFault } from './fault.ts';

/** Without regard to whose they are. */
const shared = (store: Store): Partial<Store> => ({
  putBlob: (_tenant, body, options) => store.putBlob('everybody', body, options),
  readBlob: (_tenant, hash) => store.readBlob('everybody', hash),
  blob: (_tenant, hash) => store.blob('everybody', hash),
});

async function whole(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}

export const BLOB_FAULTS: readonly StoreFault[] = [
  bytes('only the first piece of a body is kept', 'a blob is named by its bytes and comes back', ({ put }) => ({
    async put(body, hash) {
      const kept: Uint8Array[] = [];
      for await (const piece of body) if (kept.length === 0) kept.push(piece);
      await put(ofPieces(kept), hash);
    },
  })),
  bytes('blobs are read whole', 'a large blob is read in pieces', ({ read }) => ({
    async read(hash) {
      const body = await read(hash);
      return body && ofPieces([await whole(body)]);
    },
  })),
  port('a body is read when its turn comes', 'a blob is what the caller handed in', (store) => ({
    async putBlob(tenant, body, options) {
      await Promise.resolve();
      return store.putBlob(tenant, body, options);
    },
  })),
  port('tenants share blobs', 'the same bytes twice are one blob', shared),
  rows('bytes are whoever’s row was swept first', 'a tenant’s blob stays when another’s', () => ({
    hasBlob: () => false,
  })),
  port('a body that throws is taken for its end', 'a body that throws, is aborted', (store) => ({
    putBlob: (tenant, body, options) =>
      store.putBlob(tenant, body instanceof Uint8Array ? body : untilItThrows(body), options),
  })),
  port('wrong hashes are unknown ones', 'hashes, tenants and sweeps that make no sense', (store) => ({
    blob: (tenant, hash) => store.blob(tenant, hash).catch(() => undefined),
  })),
  port('uses of missing blobs are left out', 'a commit that names a blob which is not there', (store) => ({
    async commit(commit) {
      const answer: CommitResult = await store.commit(commit);
      return answer.outcome === 'refused' && answer.code === 'BLOB_UNKNOWN'
        ? store.commit(without(commit, 'blobs'))
        : answer;
    },
  })),
  port('blobs are looked for last', 'BLOB_UNKNOWN is looked for after', (store) => ({
    async commit(commit) {
      const others = await store.commit(without(commit, 'blobs'));
      return others.outcome === 'refused' ? others : store.commit(commit);
    },
  })),
  port('a start does not look for its blobs', 'a run that names a blob which is not there', (store) => ({
    start: (run) => store.start(without(run, 'blobs')),
  })),
  rows('a commit’s blobs are not used', 'a sweep removes what nobody uses', () => ({ useBlobs: () => undefined })),
  rows('the grace counts from the first put', 'putting the same bytes again', ({ saveBlob, blob }) => ({
    saveBlob(tenant, info) {
      if (blob(tenant, info.hash) === undefined) saveBlob(tenant, info);
    },
  })),
  rows('one sweep takes all', 'a sweep looks at no more blobs a call', ({ blobsAfter }) => ({
    blobsAfter: (after) => blobsAfter(after, 1_000),
  })),
  port('uses are recorded after the commit', 'while blobs are put, named and swept', (store) => ({
    async commit(commit) {
      const answer = await store.commit(without(commit, 'blobs'));
      for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      if (commit.blobs !== undefined) await store.commit({ ...commit, entries: [] });
      return answer;
    },
  })),
  rows('a session uses nothing', 'a blob is used by the session', ({ useBlobs, saveRun }) => {
    const ended = new Set<string>();
    return {
      useBlobs(run, hashes) {
        if (!ended.has(run.key.run)) useBlobs(run, run.session === undefined ? hashes : []);
      },
      saveRun,
    };
  }),
  rows('uses outlive their runs', 'a blob that only removed runs', ({ useBlobs, blobsAfter }) => {
    const ever = new Set<string>();
    return {
      useBlobs(run, hashes) {
        for (const hash of hashes) ever.add(hash);
        useBlobs(run, hashes);
      },
      blobsAfter: (after, limit) => blobsAfter(after, limit).map((blob) => ({ ...blob, used: ever.has(blob.hash) })),
    };
  }),
  port('closing forgets about puts', 'disposal ends a put whose body hangs', (store) => ({
    putBlob: (tenant, body, options) =>
      store.putBlob(tenant, body, options).catch((error: unknown) => {
        if ((error as { code?: unknown }).code !== 'STORE_CLOSED') throw error;
        return { hash: '', size: 0, storedAt: 0 };
      }),
  })),
  rows('uses are kept by the handle', 'blobs are there again, and still used', ({ blobsAfter }) => ({
    blobsAfter: (after, limit) => blobsAfter(after, limit).map((blob) => ({ ...blob, used: false })),
  })),
  {
    name: 'each handle has bytes of its own',
    caughtBy: 'of two handles that put the same bytes',
    make() {
      const owners = new Map<string, Store>();
      return {
        port: (store) => ({
          async putBlob(tenant, body, options) {
            const stored = await store.putBlob(tenant, body, options);
            owners.set(stored.hash, store);
            return stored;
          },
          async *readBlob(tenant, hash) {
            if (owners.get(hash) === store) yield* store.readBlob(tenant, hash);
          },
        }),
      };
    },
  },
];

async function* ofPieces(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

async function* untilItThrows(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch {
    // As if it had ended.
  }
}
