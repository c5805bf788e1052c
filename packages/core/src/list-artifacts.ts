import { artifactOf, type Artifact } from './artifact.ts';
import type { RunKey } from './ids.ts';
import { ARTIFACT_NOTE } from './note.ts';
import { PAGE_LIMIT, type Page } from './page.ts';
import type { RunSummary } from './run.ts';
import type { Store } from './store.ts';

/** What is asked of a store. */
export type ArtifactSource = Pick<Store, 'run' | 'listRuns' | 'listNotes'>;

/** What a run and all runs below it have made, newest first: of each run the newest of each name. Of a run that is not there, nothing. */
export async function listArtifacts(store: ArtifactSource, key: RunKey): Promise<readonly Artifact[]> {
  const run = await store.run(key);
  if (run === undefined) return [];
  const { tenant } = key;
  const found: Artifact[] = [];
  for (const { key: maker } of await familyOf(store, run)) {
    const names = new Set<string>();
    for await (const note of eachOf((page) =>
      store.listNotes({ tenant, run: maker.run, kind: [ARTIFACT_NOTE], ...page }),
    )) {
      const artifact = artifactOf(note);
      if (artifact === undefined || names.has(artifact.name)) continue;
      names.add(artifact.name);
      found.push(artifact);
    }
  }
  return found.toSorted((a, b) => b.at - a.at);
}

/** The run and all below it, parents first. */
async function familyOf(store: ArtifactSource, top: RunSummary): Promise<readonly RunSummary[]> {
  const { tenant, run } = top.key;
  const family = [top];
  const members = new Set([run]);
  for await (const member of eachOf((page) =>
    // A child is created after its parent.
    store.listRuns({ tenant, root: top.root, order: 'oldest', ...page }),
  )) {
    if (member.parent === undefined || !members.has(member.parent.run)) continue;
    members.add(member.key.run);
    family.push(member);
  }
  return family;
}

async function* eachOf<T>(
  read: (page: { readonly limit: number; readonly after?: string }) => Promise<Page<T>>,
): AsyncGenerator<T, void> {
  let after: string | undefined;
  do {
    const page = await read({ limit: PAGE_LIMIT, ...(after === undefined ? {} : { after }) });
    yield* page.items;
    after = page.next;
  } while (after !== undefined);
}
