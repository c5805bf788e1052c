import type { ContextView } from './context.ts';
import type { Compaction, Message } from './message.ts';
import { trimmed } from './trim.ts';

/**
 * What the model is shown of a thread: the newest summary, what it keeps, and everything after what it covers. It changes with a new
 * {@link Compaction} and with nothing else, so between two of them each view begins with the one before.
 */
export function contextView(thread: readonly Message[]): ContextView {
  const compactions = thread.filter(isCompaction);
  if (compactions.length === 0) return { head: [], rest: thread, messages: thread };
  const places = placesOf(thread);
  const placeOf = (id: string | undefined): number => (id === undefined ? -1 : (places.get(id) ?? -1));

  let covered = -1;
  let summary: Compacted | undefined;
  // How far results are cut, and to what: what one compaction has cut the next ones leave as it is.
  const cuts: { readonly upTo: number; readonly chars: number }[] = [];
  for (const message of compactions) {
    const { covers, trims } = message.compaction;
    const place = placeOf(covers);
    // A summary covers what came before it, so one that says otherwise was put together by somebody else.
    if (place > covered && place < placeOf(message.id)) {
      covered = place;
      summary = message;
    }
    const upTo = placeOf(trims?.upTo);
    if (trims !== undefined && upTo > (cuts.at(-1)?.upTo ?? -1)) cuts.push({ upTo, chars: trims.chars });
  }

  const kept = new Set(summary?.compaction.keeps);
  const head = [
    ...(summary === undefined ? [] : [summary]),
    ...thread.slice(0, covered + 1).filter((message) => kept.has(message.id) && !isCompaction(message)),
  ];
  const rest: Message[] = [];
  for (let place = covered + 1; place < thread.length; place += 1) {
    const message = thread[place] as Message;
    if (isCompaction(message)) continue;
    const cut = cuts.find(({ upTo }) => place <= upTo);
    rest.push(cut === undefined ? message : trimmed(message, cut.chars));
  }
  return { head, rest, messages: [...head, ...rest] };
}

type Compacted = Message & { readonly compaction: Compaction };

const isCompaction = (message: Message): message is Compacted => message.compaction !== undefined;

/** Of an id that a damaged thread has twice the first counts: less is covered, so nothing is lost. */
function placesOf(thread: readonly Message[]): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  for (const [place, { id }] of thread.entries()) if (!places.has(id)) places.set(id, place);
  return places;
}
