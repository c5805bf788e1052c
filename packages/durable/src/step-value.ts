import { PrusikError, serializeError, toFrozenJson, toJsonText, type BlobRef, type Json } from '@prusik/core';
import { bytesOf } from './bytes-of.ts';
import type { DriveEnv } from './drive-env.ts';
import type { Recorded } from './journal-state.ts';
import type { PutBlob } from './put-blob.ts';

/** What of a value goes into the journal: itself, or the blob that it stands in. */
export type RecordedValue = { readonly value?: Json } | { readonly blob: BlobRef };

/** Values of steps: small ones stand in the journal, large ones in blobs that it names. */
export interface StepValues {
  /**
   * Never settles when the store stays away for a whole lease: the drive is lost then, as with a commit.
   *
   * @throws {PrusikError} `STEP_RESULT_NOT_JSON`, `STEP_RESULT_TOO_LARGE`
   */
  record(key: string, value: unknown): RecordedValue | Promise<RecordedValue>;
  /** The same outcome with its value; what this drive recorded is not read again. */
  load(recorded: Recorded): Promise<Recorded>;
}

export interface StepValuesOptions {
  readonly env: DriveEnv;
  readonly tenant: string;
  readonly putBlob: PutBlob;
}

const PIECE_CHARACTERS = 262_144;

export function createStepValues({ env, tenant, putBlob }: StepValuesOptions): StepValues {
  const { store, limits } = env;
  /** Of outcomes that are on their way to the function. */
  const fresh = new Map<string, Json>();

  async function put(key: string, value: Json, text: string): Promise<RecordedValue> {
    try {
      const { hash, size } = await putBlob({ [Symbol.asyncIterator]: () => encoded(text) });
      fresh.set(key, value);
      return { blob: { hash, size } };
    } catch (cause) {
      throw new PrusikError('STEP_RESULT_TOO_LARGE', `The store cannot hold the result of step ${key}`, { cause });
    }
  }

  return {
    record(key, value) {
      if (value === undefined) return {};
      const most = Math.min(limits.maxInlineOutcomeBytes, limits.maxOutcomeBytes);
      try {
        return { value: toFrozenJson(value, most) };
      } catch (cause) {
        if (!(cause instanceof RangeError)) throw notJson(key, cause);
      }
      try {
        const large = toJsonText(value, limits.maxOutcomeBytes);
        return put(key, large.value, large.text);
      } catch (cause) {
        if (!(cause instanceof RangeError)) throw notJson(key, cause);
        const message = `The result of step ${key} has more than ${limits.maxOutcomeBytes} bytes as JSON`;
        throw new PrusikError('STEP_RESULT_TOO_LARGE', message, { cause, meta: { maxBytes: limits.maxOutcomeBytes } });
      }
    },
    async load(recorded) {
      const { key, outcome } = recorded;
      if (!outcome.ok || outcome.blob === undefined) return recorded;
      const value = fresh.get(key) ?? (JSON.parse(await textOf(outcome.blob)) as Json);
      fresh.delete(key);
      return { ...recorded, outcome: { ok: true, value } };
    },
  };

  async function textOf({ hash }: BlobRef): Promise<string> {
    return (await bytesOf(store.readBlob(tenant, hash))).toString();
  }
}

function notJson(key: string, cause: unknown): PrusikError {
  const message = `The result of step ${key} cannot be recorded: ${serializeError(cause).message}`;
  return new PrusikError('STEP_RESULT_NOT_JSON', message, { cause });
}

/** In pieces: to encode 60 MB in one go would hold up everything else. */
async function* encoded(text: string): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < text.length;) {
    let to = from + PIECE_CHARACTERS;
    // JSON text has no unpaired surrogate, so a pair that the cut would part goes with this piece.
    if ((text.charCodeAt(to - 1) & 0xfc00) === 0xd800) to += 1;
    yield Buffer.from(text.slice(from, to));
    from = to;
  }
}
