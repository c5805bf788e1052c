import { hash } from 'node:crypto';

/** What is at a path of a snapshot. Texts are latin1, one character for each byte, because names and targets need not be text. */
export type ManifestEntry =
  | { readonly type: 'file'; readonly mode: number; readonly size: number; readonly hash: string }
  | { readonly type: 'folder'; readonly mode: number }
  | { readonly type: 'link'; readonly target: string };

/** Entries by path, `/` between names. */
export type Manifest = ReadonlyMap<string, ManifestEntry>;

/** A name that is empty, `.` or `..`. */
const NO_NAME = /(?:^|\/)\.{0,2}(?:\/|$)/;
const FOLDER = /^[0-7]{1,3}$/;
const FILE = /^[0-7]{1,3} \d{1,15} [0-9a-f]{64}$/;
const HEADER = 'prusik snapshot 1';

/** The same bytes for the same entries, in whatever order they were found. NUL is in no name, so nothing needs escaping. */
export function encodeManifest(manifest: Manifest): Buffer {
  const fields = [HEADER];
  for (const path of [...manifest.keys()].toSorted(byBytes)) {
    const entry = manifest.get(path);
    if (entry === undefined) continue;
    if (entry.type === 'link') fields.push(path, 'link', entry.target);
    else if (entry.type === 'folder') fields.push(path, 'folder', entry.mode.toString(8));
    else fields.push(path, 'file', `${entry.mode.toString(8)} ${entry.size} ${entry.hash}`);
  }
  return Buffer.from(fields.join('\0'), 'latin1');
}

/** @throws {Error} for what is none. */
export function decodeManifest(bytes: Buffer): Manifest {
  const [header, ...fields] = bytes.toString('latin1').split('\0');
  if (header !== HEADER || fields.length % 3 !== 0) throw new Error('It does not begin or end as a snapshot does');
  const manifest = new Map<string, ManifestEntry>();
  for (let at = 0; at < fields.length; at += 3) {
    const [path = '', type, rest = ''] = fields.slice(at, at + 3);
    // It is bytes of a disk: a right hash says that nothing was changed since, not that it was us who wrote it.
    if (NO_NAME.test(path)) throw new Error('A path of it leads elsewhere');
    const folder = path.lastIndexOf('/');
    if (folder !== -1 && manifest.get(path.slice(0, folder))?.type !== 'folder')
      throw new Error('A path of it goes through what is no folder');
    manifest.set(path, decodeEntry(type, rest));
  }
  return manifest;
}

function decodeEntry(type: string | undefined, rest: string): ManifestEntry {
  if (type === 'link') return { type, target: rest };
  const [mode = '', size, digest = ''] = rest.split(' ');
  if (!(type === 'folder' ? FOLDER : FILE).test(rest) || (type !== 'folder' && type !== 'file'))
    throw new Error('An entry of it is none');
  if (type === 'folder') return { type, mode: Number.parseInt(mode, 8) };
  return { type: 'file', mode: Number.parseInt(mode, 8), size: Number(size), hash: digest };
}

export function manifestId(encoded: Buffer): string {
  return hash('sha256', encoded);
}

export function sameEntry(a: ManifestEntry | undefined, b: ManifestEntry | undefined): boolean {
  if (a === undefined || b === undefined || a.type !== b.type) return false;
  if (a.type === 'link') return b.type === 'link' && a.target === b.target;
  if (a.mode !== (b.type === 'link' ? -1 : b.mode)) return false;
  return a.type === 'folder' || (b.type === 'file' && a.size === b.size && a.hash === b.hash);
}

/** Files, folders and links, and the sum of the files' lengths. */
export function sizeOf(manifest: Manifest): { readonly entries: number; readonly bytes: number } {
  let bytes = 0;
  for (const entry of manifest.values()) if (entry.type === 'file') bytes += entry.size;
  return { entries: manifest.size, bytes };
}

export const byBytes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
