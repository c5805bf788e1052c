import { createHash } from 'node:crypto';

const LONGEST_ID = 200;

/** @throws {TypeError} unless `id` can name a workspace. */
export function checkWorkspaceId(id: string): string {
  if (typeof id !== 'string') throw new TypeError(`The workspace id must be a string, not ${typeof id}`);
  if (id === '' || id.length > LONGEST_ID)
    throw new TypeError(`The workspace id must have 1 to ${LONGEST_ID} characters, not ${id.length}`);
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f/\\]|\.\./.test(id) || id === '.' || !id.isWellFormed())
    throw new TypeError(
      `The workspace id ${JSON.stringify(id)} holds a path, a control character or an unpaired surrogate`,
    );
  return id;
}

/**
 * Folder of a workspace: readable for people, and different for different ids also where file systems ignore case,
 * normalise Unicode or end names at 255 bytes, because of the hash.
 */
export function workspaceFolder(id: string): string {
  const readable = id
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 40);
  return `${readable}.${createHash('sha256').update(id).digest('hex').slice(0, 40)}`;
}
