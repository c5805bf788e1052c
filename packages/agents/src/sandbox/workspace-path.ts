import { isPrusikError, PrusikError } from '@prusik/core';

/**
 * One spelling of a path of the workspace, relative to it, for what is remembered of a file and for what is shown. Whether the path is allowed is for the
 * session to say: one that leads out stays one that leads out.
 */
export function plainPath(path: string, directory: string): string {
  const relative = path === directory ? '' : path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : path;
  const names: string[] = [];
  for (const name of relative.split('/')) {
    if (name === '' || name === '.') continue;
    if (name === '..' && names.length > 0 && names.at(-1) !== '..') names.pop();
    else names.push(name);
  }
  return `${relative.startsWith('/') ? '/' : ''}${names.join('/')}` || '.';
}

/** A name as it is shown: one line, whatever a command has called its file. */
export const shownName = (name: string): string =>
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(name) ? JSON.stringify(name) : name;

/** Node shows a name that is not UTF-8 with U+FFFD in it, and has no way to ask for it. */
export const isNamable = (name: string): boolean => !name.includes('\uFFFD');

const ADVICE: Readonly<Record<string, string>> = {
  SANDBOX_PATH_REFUSED:
    'Paths are inside the workspace: read, write and edit take plain files, list, glob and grep also folders; links and special files are for commands.',
  SANDBOX_FILE_TOO_LARGE: 'Look at parts of it with a command, such as head, tail or grep.',
  SANDBOX_DIRECTORY_TOO_LARGE: 'Look for names in it with a command, such as ls | head or find.',
  SANDBOX_BUSY: 'Try it again when other commands have ended.',
};

/** What a session refuses, with what the model can do about it. */
export function advised(thrown: unknown): unknown {
  if (!isPrusikError(thrown)) return thrown;
  const advice = ADVICE[thrown.code];
  if (advice === undefined) return thrown;
  const { code, message, retryable, meta } = thrown;
  return new PrusikError(code, `${message}. ${advice}`, { retryable, meta, cause: thrown });
}
