import { foldersAbove, MANIFESTS, mayBePackage } from '../notes/areas.ts';
import { decodeText, isArgument, splitNul } from './bytes.ts';
import type { Git } from './git.ts';

/** Paths of one call to git. */
const BATCH = 1_000;

/**
 * Folders above `files` that hold a package's manifest in `commit`, the root left out. Only folders that changed are
 * looked at, so that the size of the tree does not matter.
 */
export async function findPackages(
  git: Git,
  commit: string,
  files: Iterable<string>,
  signal?: AbortSignal,
): Promise<ReadonlySet<string>> {
  const folders = new Set<string>();
  for (const file of files) for (const folder of foldersAbove(file)) folders.add(folder);
  const candidates = [...folders]
    .filter((folder) => mayBePackage(folder) && isArgument(folder))
    .flatMap((folder) => MANIFESTS.map((manifest) => `${folder}/${manifest}`));
  const packages = new Set<string>();
  for (let start = 0; start < candidates.length; start += BATCH) {
    const paths = candidates.slice(start, start + BATCH);
    const { stdout } = await git(['ls-tree', '-z', '--name-only', commit, '--', ...paths], { signal });
    for (const name of splitNul(stdout).map(decodeText)) packages.add(name.slice(0, name.lastIndexOf('/')));
  }
  return packages;
}
