import { randomUUID } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReadableStream } from 'node:stream/web';
import { PrusikError } from '@prusik/core';
import { inspect, refuseUnlessPlain, translate, type Place } from './file-walk.ts';
import type { Identity } from './identity.ts';

export interface ReplaceFileOptions {
  /** A folder on the same file system that commands cannot see. */
  readonly staging: string;
  readonly owner: Identity | undefined;
  readonly fileBytes: number;
  readonly signal?: AbortSignal;
}

/**
 * Writes beside the workspace and renames into it. A rename replaces the name and follows nothing, so what an attacker
 * puts there after the look at it is replaced, not written through; and readers never see half a file.
 */
export async function replaceFile(
  place: Place,
  content: Uint8Array | ReadableStream<Uint8Array>,
  { staging, owner, fileBytes, signal }: ReplaceFileOptions,
): Promise<void> {
  const existing = inspect(place);
  if (existing !== null) refuseUnlessPlain(existing, place.path);

  const staged = join(staging, randomUUID());
  const handle = await open(staged, 'wx', 0o600);
  try {
    try {
      await writeAtMost(handle, content, fileBytes, place.path, signal);
      await handle.chmod(existing === null ? 0o644 : existing.mode & 0o777);
      if (owner?.drop === true) await handle.chown(owner.uid, owner.gid);
    } finally {
      await handle.close();
    }
    await rename(staged, place.parent.at(place.name));
  } catch (error) {
    await rm(staged, { force: true });
    throw translate(error, place.path);
  }
}

async function writeAtMost(
  handle: FileHandle,
  content: Uint8Array | ReadableStream<Uint8Array>,
  limit: number,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  let written = 0;
  for await (const chunk of content instanceof Uint8Array ? [content] : content) {
    signal?.throwIfAborted();
    if (!(chunk instanceof Uint8Array)) throw new TypeError('The content must be a stream of Uint8Array');
    written += chunk.length;
    if (written > limit) throw fileTooLarge(path, limit);
    for (let offset = 0; offset < chunk.length;) offset += (await handle.write(chunk, offset)).bytesWritten;
  }
}

export function fileTooLarge(path: string, limit: number): PrusikError {
  return new PrusikError('SANDBOX_FILE_TOO_LARGE', `${JSON.stringify(path)} is larger than ${limit} bytes`, {
    meta: { limit },
  });
}
