import type { WorkspaceDiff } from '@prusik/core';
import { byBytes, sameEntry, type Manifest } from './manifest.ts';

/** What differs, at most `limit` paths of it, in the order of the paths. */
export function diffManifests(from: Manifest, to: Manifest, limit: number): WorkspaceDiff {
  const differing = [...new Set([...from.keys(), ...to.keys()])]
    .filter((path) => !sameEntry(from.get(path), to.get(path)))
    .toSorted(byBytes);
  const told = differing.slice(0, limit);
  const named = (is: (path: string) => boolean): readonly string[] =>
    told.filter(is).map((path) => Buffer.from(path, 'latin1').toString('utf8'));
  return {
    added: named((path) => !from.has(path)),
    changed: named((path) => from.has(path) && to.has(path)),
    removed: named((path) => !to.has(path)),
    total: differing.length,
  };
}
