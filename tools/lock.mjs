import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const WAIT_LIMIT_MS = 5 * 60_000;

/**
 * Runs `work` while no other process of this machine does so under the same path: two commands started at once in a
 * fresh clone must not both write node_modules.
 *
 * @template T
 * @param {string} path a file that holds the owner's process id
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, work) {
  mkdirSync(dirname(path), { recursive: true });
  const deadline = Date.now() + WAIT_LIMIT_MS;
  for (let told = false; !tryCreate(path);) {
    const owner = ownerOf(path);
    const alive = isAlive(owner);
    const who = `process ${owner}, which is preparing this checkout; if there is none, delete ${path}`;
    if (Date.now() > deadline) throw new Error(`Gave up waiting for ${who}`);
    if (alive && !told) console.error(`Waiting for ${who}`);
    told ||= alive;
    if (!alive) clear(path);
    await new Promise((resolve) => setTimeout(resolve, alive ? 200 : 10));
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/**
 * Removes what a killed owner left. Two waiters may come here at once, and the slower one must not remove the lock
 * that the other holds by then.
 *
 * @param {string} path
 */
function clear(path) {
  const guard = `${path}.clearing`;
  if (!tryCreate(guard)) return;
  try {
    if (!isAlive(ownerOf(path))) rmSync(path, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

/** @param {string} path */
function tryCreate(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/** 0, which counts as alive, while the file is being written or has just gone. @param {string} path */
function ownerOf(path) {
  try {
    return Number(readFileSync(path, 'utf8')) || 0;
  } catch {
    return 0;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
