import { isPrusikError, type BlobInfo, type StepScope } from '@prusik/core';
import type { DriveEnv } from './drive-env.ts';

type Body = Parameters<StepScope['putBlob']>[0];

/** A store that is away is asked again; when it stays away for a whole lease, the drive is lost as with a commit, and the put never settles. */
export type PutBlob = (body: Body) => Promise<BlobInfo>;

export function createPutBlob(
  { store, clock, limits }: DriveEnv,
  tenant: string,
  onLost: (cause: unknown) => void,
): PutBlob {
  return async (body) => {
    const started = clock.monotonic();
    for (let attempt = 0; ; attempt += 1) {
      const source = watched(body);
      try {
        return await store.putBlob(tenant, source.body);
      } catch (cause) {
        if (source.failed() || isFinal(cause) || !canBeReadAgain(body)) throw cause;
        if (clock.monotonic() - started > limits.leaseMs) {
          onLost(cause);
          return new Promise(() => {});
        }
        await new Promise<void>((resolve) => clock.after(Math.min(1_000, 10 * 2 ** attempt), resolve));
      }
    }
  };
}

/** The bytes are what is wrong, or there is no room for them. */
const isFinal = (cause: unknown): boolean =>
  cause instanceof TypeError || isPrusikError(cause, 'BLOB_TOO_LARGE') || isPrusikError(cause, 'STORE_FULL');

/** A generator is its own iterator: it is over after the first reading. */
const canBeReadAgain = (body: Body): boolean =>
  body instanceof Uint8Array || (body[Symbol.asyncIterator]() as unknown) !== body;

/** Whose failure it is, the body's or the store's, cannot be told from the error. */
function watched(body: Body): { readonly body: Body; readonly failed: () => boolean } {
  if (body instanceof Uint8Array || typeof body?.[Symbol.asyncIterator] !== 'function')
    return { body, failed: () => false };
  let failed = false;
  async function* pieces(): AsyncGenerator<Uint8Array> {
    try {
      yield* body as AsyncIterable<Uint8Array>;
    } catch (error) {
      failed = true;
      throw error;
    }
  }
  return { body: pieces(), failed: () => failed };
}
