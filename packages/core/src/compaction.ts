import type { ContextPlan, ContextView } from './context.ts';
import { PrusikError } from './errors.ts';
import type { Compaction, Message } from './message.ts';

/**
 * For each message of a view's rest, whether the view may be cut behind it: no call before the cut has its result after it, and no call of the
 * last reply is open. Calls that a lost run left open in the middle hinder nothing.
 */
export function cutPoints(rest: readonly Message[]): readonly boolean[] {
  const open = new Map<string, number>();
  /** By the place of a reply: that of the last result of its calls. */
  const closedAt = new Map<number, number>();
  let lastReply = -1;
  for (const [place, { role, content }] of rest.entries()) {
    if (role === 'assistant') lastReply = place;
    for (const part of content) {
      if (part.type === 'tool-call') open.set(part.callId, place);
      if (part.type !== 'tool-result') continue;
      const reply = open.get(part.callId);
      if (reply === undefined) continue;
      open.delete(part.callId);
      closedAt.set(reply, place);
    }
  }
  if ([...open.values()].includes(lastReply)) closedAt.set(lastReply, Number.POSITIVE_INFINITY);
  let closed = -1;
  return rest.map((_, place) => {
    closed = Math.max(closed, closedAt.get(place) ?? place);
    return closed <= place;
  });
}

/** Messages among these that no summary may stand for: pinned ones, and the last message of the user where none comes after. */
function protectedAmong(covered: readonly Message[], after: readonly Message[]): readonly string[] {
  const lastOfUser = after.some(isOfUser) ? undefined : covered.findLast(isOfUser);
  return covered.filter((message) => message === lastOfUser || isPinned(message)).map(({ id }) => id);
}

const isOfUser = ({ kind }: Message): boolean => kind === 'user';
const isPinned = ({ pinned, role }: Message): boolean => pinned === true && role === 'user';

/**
 * What a plan comes to for this view, with what stays in any case.
 *
 * @throws {PrusikError} `CONTEXT_PLAN_INVALID` for a plan that would break the conversation.
 */
export function compactionOf({ head, rest }: ContextView, plan: Exclude<ContextPlan, { does: 'keep' }>): Compaction {
  const { trims } = plan;
  if (trims !== undefined) {
    placeOf(rest, trims.upTo);
    if (!(Number.isSafeInteger(trims.chars) && trims.chars >= 0))
      throw invalid(`cuts results to ${trims.chars} characters`);
  }
  if (plan.does === 'trim') return { trims: plan.trims };
  const place = placeOf(rest, plan.covers);
  if (cutPoints(rest)[place] !== true) throw invalid(`cuts through a tool exchange at message ${plan.covers}`);
  if (!(Number.isSafeInteger(plan.maxTokens) && plan.maxTokens > 0))
    throw invalid(`leaves ${plan.maxTokens} tokens for the summary`);
  // The summary that stands in front is covered by the new one; what it keeps is judged anew.
  const covered = [...head, ...rest.slice(0, place + 1)].filter(({ compaction }) => compaction === undefined);
  const asked = new Set(plan.keeps);
  const stays = new Set(protectedAmong(covered, rest.slice(place + 1)));
  const keeps = covered
    .filter(({ id, role }) => stays.has(id) || (asked.has(id) && role === 'user'))
    .map(({ id }) => id);
  return {
    covers: plan.covers,
    ...(keeps.length === 0 ? {} : { keeps }),
    ...(trims === undefined ? {} : { trims }),
  };
}

function placeOf(rest: readonly Message[], id: string): number {
  const place = rest.findIndex((message) => message.id === id);
  if (place < 0) throw invalid(`names a message that is not in the view: ${id}`);
  return place;
}

const invalid = (what: string): PrusikError =>
  new PrusikError('CONTEXT_PLAN_INVALID', `The plan of the context manager ${what}`);
