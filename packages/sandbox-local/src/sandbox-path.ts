import { refusePath } from './directory.ts';

const LONGEST_NAME = 255;
const LONGEST_PATH = 4_096;
const DEEPEST = 256;

/**
 * The names from the workspace's root down to `path`, which is relative to `directory` or absolute below it.
 * `..` is resolved by the text alone: no link is ever followed, so both readings agree.
 *
 * @throws {PrusikError} `SANDBOX_PATH_REFUSED` for a path that leads out or cannot be one.
 */
export function parsePath(path: string, directory: string): readonly string[] {
  if (typeof path !== 'string') throw new TypeError(`The path must be a string, not ${typeof path}`);
  if (path === '') throw refusePath(path, 'is empty');
  if (path.includes('\0')) throw refusePath(path, 'holds a NUL byte');
  if (!path.isWellFormed()) throw refusePath(path, 'holds an unpaired surrogate');
  if (path.length > LONGEST_PATH) throw refusePath(path, `is longer than ${LONGEST_PATH} characters`);

  const names: string[] = [];
  for (const name of relativePart(path, directory).split('/')) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (names.pop() === undefined) throw refusePath(path, 'leads out of the workspace');
      continue;
    }
    if (Buffer.byteLength(name) > LONGEST_NAME) throw refusePath(path, `has a name longer than ${LONGEST_NAME} bytes`);
    if (process.platform === 'win32' && /[\\:]/.test(name))
      throw refusePath(path, 'holds a character that Windows reads as a separator');
    names.push(name);
  }
  if (names.length > DEEPEST) throw refusePath(path, `is deeper than ${DEEPEST} folders`);
  return names;
}

function relativePart(path: string, directory: string): string {
  if (path === directory) return '';
  if (path.startsWith(`${directory}/`)) return path.slice(directory.length + 1);
  if (path.startsWith('/')) throw refusePath(path, `is outside the workspace ${directory}`);
  return path;
}

/**
 * True for what makes the host's own git run a program when somebody uses it in the workspace later: hooks, the
 * configuration, and the two ways to point at another one.
 */
export function isGitControl(names: readonly string[]): boolean {
  const [first, second] = names.map((name) => name.toLowerCase());
  return (
    first === '.git' && (second === undefined || ['hooks', 'config', 'config.worktree', 'commondir'].includes(second))
  );
}
