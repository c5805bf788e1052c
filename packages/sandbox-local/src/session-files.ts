import { createReadStream, read as readDescriptor } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { promisify } from 'node:util';
import type { SandboxFiles } from '@prusik/core';
import { refusePath, type Directory } from './directory.ts';
import { inspect, openFile, translate, withDirectory, withPlace, type OpenFile, type Place } from './file-walk.ts';
import { listFolder } from './list-folder.ts';
import { fileTooLarge, replaceFile } from './file-write.ts';
import type { Identity } from './identity.ts';
import { isGitControl, parsePath } from './sandbox-path.ts';

const readAt = promisify(readDescriptor);

/** Entries of one listing. */

export interface SessionFilesOptions {
  /** The workspace's files on the host. */
  readonly root: Directory;
  /** A folder on the same file system that commands cannot see, for files that are being written. */
  readonly staging: string;
  /** The workspace's path as commands see it. */
  readonly directory: string;
  readonly owner: Identity | undefined;
  readonly fileBytes: number;
}

/** File operations on a workspace from the host's side. */
export function createSessionFiles(options: SessionFilesOptions): SandboxFiles {
  const { root, directory, fileBytes } = options;

  const read = async <T>(
    path: string,
    signal: AbortSignal | undefined,
    use: (place: Place) => Promise<T>,
  ): Promise<T | null> => {
    signal?.throwIfAborted();
    return withPlace(root, parsePath(path, directory), { create: false }, use);
  };

  const openBounded = (place: Place) => {
    const file = openFile(place);
    if (file !== null && file.size > fileBytes) {
      file.close();
      throw fileTooLarge(place.path, fileBytes);
    }
    return file;
  };

  const readBinaryFile: SandboxFiles['readBinaryFile'] = ({ path, abortSignal }) =>
    read(path, abortSignal, async (place) => {
      const file = openBounded(place);
      if (file === null) return null;
      try {
        return await readAtMost(file);
      } finally {
        file.close();
      }
    });

  const write = async (
    path: string,
    content: Uint8Array | ReadableStream<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    signal?.throwIfAborted();
    const names = parsePath(path, directory);
    refuseGitControl(names, path);
    await withPlace(root, names, { create: { owner: options.owner } }, (place) =>
      replaceFile(place, content, { ...options, ...(signal ? { signal } : {}) }),
    );
  };

  return {
    readBinaryFile,

    readFile: ({ path, abortSignal }) =>
      read(path, abortSignal, async (place) => {
        const file = openBounded(place);
        if (file === null) return null;
        if (file.size === 0) {
          file.close();
          return new Blob([]).stream() as ReadableStream<Uint8Array>;
        }
        // A file that grows meanwhile is read to the size it had.
        const stream = createReadStream('', {
          fd: file.fd,
          end: file.size - 1,
          ...(abortSignal ? { signal: abortSignal } : {}),
        });
        return Readable.toWeb(stream) as ReadableStream<Uint8Array>;
      }),

    async readTextFile({ path, abortSignal, encoding = 'utf-8', startLine, endLine }) {
      for (const line of [startLine, endLine])
        if (line !== undefined && !(Number.isInteger(line) && line >= 1))
          throw new TypeError(`Lines count from 1, not ${line}`);
      const decoder = new TextDecoder(encoding);
      const bytes = await readBinaryFile({ path, ...(abortSignal ? { abortSignal } : {}) });
      if (bytes === null) return null;
      const text = decoder.decode(bytes);
      if (startLine === undefined && endLine === undefined) return text;
      return text
        .split('\n')
        .slice((startLine ?? 1) - 1, endLine)
        .join('\n');
    },

    writeFile: ({ path, content, abortSignal }) => write(path, content, abortSignal),
    writeBinaryFile: ({ path, content, abortSignal }) => write(path, content, abortSignal),

    async writeTextFile({ path, content, abortSignal, encoding = 'utf-8' }) {
      if (!Buffer.isEncoding(encoding)) throw new TypeError(`${encoding} is not an encoding that Buffer writes`);
      await write(path, Buffer.from(content, encoding), abortSignal);
    },

    async stat({ path, abortSignal }) {
      if (parsePath(path, directory).length === 0) return { type: 'directory', size: 0 };
      return read(path, abortSignal, async (place) => {
        const stats = inspect(place);
        if (stats === null) return null;
        if (stats.isSymbolicLink()) throw refusePath(path, 'is a symbolic link');
        return { type: stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other', size: stats.size };
      });
    },

    async listDirectory({ path, abortSignal }) {
      abortSignal?.throwIfAborted();
      return withDirectory(root, parsePath(path, directory), (folder) => listFolder(folder, path));
    },

    async deleteFile({ path, abortSignal }) {
      refuseGitControl(parsePath(path, directory), path);
      const deleted = await read(path, abortSignal, async (place) => {
        const stats = inspect(place);
        if (stats === null) return false;
        if (stats.isDirectory()) throw refusePath(path, 'is a folder');
        await unlink(place.parent.at(place.name)).catch((error: unknown) => {
          throw translate(error, path);
        });
        return true;
      });
      return deleted ?? false;
    },
  };
}

function refuseGitControl(names: readonly string[], path: string): void {
  if (isGitControl(names)) throw refusePath(path, "decides what the host's git runs; it is read-only");
}

async function readAtMost({ fd, size }: OpenFile): Promise<Uint8Array> {
  const bytes = Buffer.alloc(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await readAt(fd, bytes, length, size - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}
