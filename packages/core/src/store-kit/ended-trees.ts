import { isPrusikError } from '../errors.ts';
import { REMOVAL_LIMIT, type EndedTrees } from '../removal.ts';
import { isFinal } from '../run.ts';
import type { StoreBackend } from './backend.ts';
import { comparePlaces, parsePlace, placeCursor, type Place } from './place.ts';
import type { EndedRoot, RunState, StoreReads, StoreTransaction } from './tables.ts';

/** What one transaction may take of the write lock: a commit that comes meanwhile waits for no more than this and the syncs. */
const SLICE_MS = 3;
const SLICE_ROWS = 1_000;
const PAGE = 64;
const RANK_PAGE = 500;

/** Which trees are meant, and from which place of the order on they are kept. */
export interface EndedSelection extends Omit<EndedTrees, 'keep' | 'keepBytes' | 'after'> {
  readonly tenant: string;
  /** Also trees that are. */
  readonly compacted: boolean;
  /** Those from here on stay for number and size, this one among them. @default all do */
  readonly keptFrom?: Place;
}

/** What is done to one tree that was selected; writes nothing where it is only asked what would be done. */
export type OnTree<Done> = (tx: StoreTransaction, tree: readonly RunState[], root: EndedRoot) => Done;

/** What happened to the trees, in their order. */
export interface EndedWalk<Done> {
  readonly done: readonly Done[];
  readonly next?: string;
}

interface Slice<Done> {
  readonly done: readonly Done[];
  readonly runs: number;
  readonly place: Place | undefined;
  /** `time`: the next transaction goes on. `full`: the call has its share, and there is more. `end`: there is no more. */
  readonly because: 'time' | 'full' | 'end';
}

/**
 * Goes through trees that have ended, in transactions of some milliseconds, and does something to each whole. What a transaction did stands: where a later
 * one fails the answer says what was done, and whoever goes on meets the failure with the first.
 */
export async function walkEndedTrees<Done>(
  { reads, write }: Pick<StoreBackend, 'reads' | 'write'>,
  trees: EndedTrees & { readonly tenant: string },
  onTree: OnTree<Done>,
  { compacted }: { readonly compacted: boolean },
): Promise<EndedWalk<Done>> {
  const { keep: _, keepBytes: __, after, ...rest } = trees;
  const keptFrom = await placeOfKept(reads, trees, compacted);
  const selection = { ...rest, compacted, ...(keptFrom === undefined ? {} : { keptFrom }) };
  const done: Done[] = [];
  let runs = 0;
  let place = parsePlace(after);
  const answer = (ended: boolean): EndedWalk<Done> => ({
    done,
    ...(ended || place === undefined ? {} : { next: placeCursor(place) }),
  });
  for (;;) {
    const from = { place, trees: done.length, runs };
    try {
      const slice = await write({ rows: SLICE_ROWS, runs: 0 }, (tx) => takeSlice(tx, selection, from, onTree));
      done.push(...slice.done);
      runs += slice.runs;
      place = slice.place;
      if (slice.because !== 'time') return answer(slice.because === 'end');
    } catch (error) {
      if (done.length === 0 || !isPrusikError(error)) throw error;
      return answer(false);
    }
  }
}

interface Taken {
  readonly place: Place | undefined;
  readonly trees: number;
  readonly runs: number;
}

function takeSlice<Done>(
  tx: StoreTransaction,
  selection: EndedSelection,
  from: Taken,
  onTree: OnTree<Done>,
): Slice<Done> {
  const until = performance.now() + SLICE_MS;
  const done: Done[] = [];
  let { place } = from;
  let runs = 0;
  const slice = (because: Slice<Done>['because']): Slice<Done> => ({ done, runs, place, because });
  for (;;) {
    const page = tx.tables.endedRoots({ tenant: selection.tenant, newestFirst: false, limit: PAGE, after: place });
    for (const root of page) {
      if (isBeyond(selection, root)) return slice('end');
      const isMeant = isNamed(selection, root) && (selection.compacted || !root.compacted);
      const tree = isMeant ? wholeTree(tx, root) : undefined;
      if (tree !== undefined) {
        const [takenTrees, takenRuns] = [from.trees + done.length, from.runs + runs];
        if (takenTrees === selection.limit || (takenTrees > 0 && takenRuns + tree.length > REMOVAL_LIMIT))
          return slice('full');
        done.push(onTree(tx, tree, root));
        runs += tree.length;
      }
      place = root;
      if (performance.now() > until) return slice('time');
    }
    if (page.length < PAGE) return slice('end');
  }
}

function isBeyond({ endedBefore, keptFrom }: EndedSelection, root: EndedRoot): boolean {
  const isYoung = endedBefore === undefined || root.at >= endedBefore;
  const isKept = keptFrom === undefined || comparePlaces(root, keptFrom) >= 0;
  return isYoung && isKept;
}

function isNamed({ definition, status }: Pick<EndedTrees, 'definition' | 'status'>, root: EndedRoot): boolean {
  return (
    (definition === undefined || definition === root.definition) &&
    (status === undefined || status.includes(root.status))
  );
}

/** All of its runs, where it may go. An ended root may have children that have not heard of it yet: they write, so they stay, and their tree with them. */
function wholeTree({ tables }: StoreTransaction, root: EndedRoot): readonly RunState[] | undefined {
  if (root.session !== undefined) {
    const key = { tenant: root.key.tenant, session: root.session };
    // What an open conversation would say again is derived from its last run.
    if (tables.sessionState(key)?.state === 'open' && tables.lastOfSession(key)?.number === root.number)
      return undefined;
  }
  const tree = [...tables.treeOf(root.key)];
  return tree.some(({ status }) => !isFinal(status)) ? undefined : tree;
}

/** Where those begin that neither number nor size sends away; `undefined` where none goes because of them. */
async function placeOfKept(
  reads: StoreReads,
  trees: EndedTrees & { readonly tenant: string },
  compacted: boolean,
): Promise<Place | undefined> {
  let [left, bytes] = [trees.keep ?? Infinity, trees.keepBytes ?? Infinity];
  if (left === Infinity && bytes === Infinity) return undefined;
  let kept: Place = { at: Number.MAX_VALUE, number: 0 };
  let after: Place | undefined;
  for (;;) {
    const page = reads.endedRoots({ tenant: trees.tenant, newestFirst: true, limit: RANK_PAGE, after });
    for (const root of page) {
      after = root;
      if (!isNamed(trees, root)) continue;
      left -= 1;
      if (bytes !== Infinity && (compacted || !root.compacted))
        bytes -= reads.treeBytes(root.key, { whole: compacted });
      if (left < 0 || bytes < 0) return kept;
      kept = root;
    }
    if (page.length < RANK_PAGE) return undefined;
    // Others are let in between two pages.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
