import fs from 'node:fs';
import { join } from 'node:path';

/** Where Linux keeps files in memory. */
const MEMORY = '/dev/shm';
/** Some times what the tests have there at once; a container has 64 MB by default. */
const ROOM = 1_024 ** 3;

/**
 * A new folder for temporary files that no disk is waited for: tests commit many thousand times, and what a loss of power leaves is shown by what a
 * program asks of the disk, not by how long that takes. Undefined where there is no room for one, and where the person has said where such files go.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @param {string} [memory]
 */
export function folderInMemory(env = process.env, memory = MEMORY) {
  if (env['TMPDIR'] !== undefined || !hasRoom(memory)) return undefined;
  const folder = fs.mkdtempSync(join(memory, 'prusik-'));
  // As /tmp is: some tests write there as another user.
  fs.chmodSync(folder, 0o1777);
  return folder;
}

/** @param {string} folder */
function hasRoom(folder) {
  try {
    fs.accessSync(folder, fs.constants.W_OK);
    // Node.js has it since 18.15
    const { bavail, bsize } = fs.statfsSync(folder);
    return bavail * bsize >= ROOM;
  } catch {
    return false;
  }
}
