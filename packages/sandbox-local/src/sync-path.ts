import { open } from 'node:fs/promises';

/** Makes a file's content, or a folder's entries, survive a power cut. */
export async function syncPath(path: string | Buffer): Promise<void> {
  // Windows cannot open a folder; its file system journals entries itself.
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
