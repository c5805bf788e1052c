import { checkId, type RunKey } from './ids.ts';
import { isObject, type Json } from './json.ts';
import type { Note } from './note.ts';

/** Bytes, whole or in pieces; a text is its UTF-8. */
export type ArtifactBody = string | Uint8Array | AsyncIterable<Uint8Array>;

/** What an artifact is, besides its name and bytes. */
export interface ArtifactOptions {
  /** A media type, at most 127 characters: `text/markdown`. */
  readonly type: string;
  /** For people, at most 200 characters. @default its name */
  readonly title?: string;
}

/** What stands on record of an artifact; its bytes are a blob. */
export interface NewArtifact extends ArtifactOptions {
  readonly name: string;
  /** Of its bytes. */
  readonly hash: string;
  /** In bytes. */
  readonly size: number;
}

/** Something that a run has made for whoever asked for it. It never changes: a newer one of its run and name stands before it. */
export interface Artifact extends NewArtifact {
  readonly run: RunKey;
  readonly definition: string;
  /** The step that made it. */
  readonly key: string;
  /** The store's clock. */
  readonly at: number;
}

const TITLE_LIMIT = 200;
const TYPE_LIMIT = 127;
const TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:;[\u0020-\u007e]*)?$/;
const HASH = /^sha256:[0-9a-f]{64}$/;

/**
 * The name and options of an artifact, if it can have them.
 *
 * @throws {TypeError}
 */
export function artifactNamed(name: string, options: ArtifactOptions): ArtifactOptions & { readonly name: string } {
  checkId('name of an artifact', name);
  // A caller in JavaScript may hand in anything, or nothing.
  const { type, title } = (options ?? {}) as Partial<ArtifactOptions>;
  if (typeof type !== 'string' || type.length > TYPE_LIMIT || !TYPE.test(type))
    throw new TypeError(`The type of artifact ${JSON.stringify(name)} must be a media type such as text/markdown`);
  if (title === undefined) return { name, type };
  if (typeof title !== 'string' || title.length > TITLE_LIMIT || !title.isWellFormed())
    throw new TypeError(`The title of artifact ${JSON.stringify(name)} is a text of at most ${TITLE_LIMIT} characters`);
  return { name, type, title };
}

/**
 * What the bytes of an artifact are made of, if it can be.
 *
 * @throws {TypeError}
 */
export function artifactBytes(name: string, body: ArtifactBody): Uint8Array | AsyncIterable<Uint8Array> {
  if (typeof body === 'string') return new TextEncoder().encode(body);
  if (body instanceof Uint8Array || (typeof body === 'object' && Symbol.asyncIterator in body)) return body;
  throw new TypeError(
    `The body of artifact ${JSON.stringify(name)} must be a text, a Uint8Array or an async iterable of them; JSON is the text of JSON.stringify()`,
  );
}

/**
 * The data of a note of kind {@link ARTIFACT_NOTE}.
 *
 * @throws {TypeError} for what is none.
 */
export function toArtifactData(data: Json): NewArtifact {
  const { name, type, title, hash, size } = isObject(data) ? (data as Partial<NewArtifact>) : {};
  const named = artifactNamed(name as string, { type: type as string, ...(title === undefined ? {} : { title }) });
  if (typeof hash !== 'string' || !HASH.test(hash)) throw new TypeError('The hash of an artifact names its blob');
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw new TypeError('The size of an artifact is a number of bytes');
  return { ...named, hash, size };
}

/** The artifact that a note is; `undefined` for a note of another kind, and for one whose content was redacted. */
export function artifactOf({ data, run, definition, key, at }: Note): Artifact | undefined {
  try {
    return { ...toArtifactData(data), run, definition, key, at };
  } catch {
    return undefined;
  }
}
