import {
  compactionOf,
  cutPoints,
  trimmed,
  type ContextInput,
  type ContextManager,
  type ContextPlan,
  type ContextView,
  type Message,
  type Ruler,
} from '@prusik/core';

/** When {@link contextManager} makes a conversation shorter, and what it leaves. */
export interface ContextManagerOptions {
  /** A prompt that takes more than this share of the limit is made shorter. @default 0.85 */
  readonly trigger?: number;
  /** What it may take after that; the room between the two is what the next steps have. @default 0.6 */
  readonly target?: number;
  /** The last messages, whose results are never cut and which a summary leaves alone as long as the rest gives room enough. @default 10 */
  readonly recentMessages?: number;
  /** What older tool results are cut to, in characters. @default 2_000 */
  readonly resultChars?: number;
  /** The longest summary, in tokens; never more than an eighth of the limit. @default 2_000 */
  readonly summaryTokens?: number;
}

const DEFAULTS: Required<ContextManagerOptions> = {
  trigger: 0.85,
  target: 0.6,
  recentMessages: 10,
  resultChars: 2_000,
  summaryTokens: 2_000,
};

/** A summary in fewer tokens says nothing. */
const LEAST_SUMMARY_TOKENS = 64;

/**
 * The default way to keep a conversation within its model's window: old tool results are cut first, which costs nothing; where that is not
 * enough, a model writes a summary of everything but the last messages. Both happen seldom and free much at once, since each changes the
 * prompt's beginning, which providers cache.
 *
 * @throws {TypeError} for an option that cannot work.
 */
export function contextManager(options: ContextManagerOptions = {}): ContextManager {
  const settings = checked({ ...DEFAULTS, ...options });
  return { name: 'default', plan: (input) => planFor(settings, input) };
}

function planFor(settings: Required<ContextManagerOptions>, input: ContextInput): ContextPlan {
  const { view, ruler, limit, overflowed } = input;
  const used = ruler.tokens(view.messages);
  if (!overflowed && used <= settings.trigger * limit) return { does: 'keep' };
  // A provider that refuses what fits by the ruler knows better: the ruler is good to a factor of two.
  const room = overflowed ? Math.min(limit, used) * 0.5 : limit * settings.target;

  const trim = trimOf(view, settings);
  const afterTrim = trim === undefined ? used : ruler.tokens(trim.view.messages);
  const trims = trim === undefined || afterTrim >= used ? undefined : trim.trims;
  if (trims !== undefined && afterTrim <= room) return { does: 'trim', trims };

  const nothingMore: ContextPlan = trims === undefined ? { does: 'keep' } : { does: 'trim', trims };
  const maxTokens = Math.min(settings.summaryTokens, Math.floor(Math.min(limit, used) / 8));
  if (maxTokens < LEAST_SUMMARY_TOKENS) return nothingMore;
  const summary = (covers: string) =>
    ({ does: 'summarise', covers, maxTokens, ...(trims === undefined ? {} : { trims }) }) as const;
  const shorter = trims === undefined || trim === undefined ? view : trim.view;
  const taken = (covers: string): number => tokensAfter(shorter, summary(covers), ruler) + maxTokens;
  const covers = coveredUpTo(shorter.rest, settings.recentMessages, (last) => taken(last) <= room);
  // What a summary puts in the place of less than itself would make the prompt longer.
  if (covers !== undefined && taken(covers) < afterTrim) return summary(covers);
  return nothingMore;
}

/** What stays of a view beside the summary. */
function tokensAfter({ head, rest, messages }: ContextView, plan: SummaryPlan, ruler: Ruler): number {
  const kept = new Set(compactionOf({ head, rest, messages }, plan).keeps);
  const place = rest.findIndex(({ id }) => id === plan.covers);
  return ruler.tokens([...messages.filter(({ id }) => kept.has(id)), ...rest.slice(place + 1)]);
}

type SummaryPlan = Extract<ContextPlan, { does: 'summarise' }>;

/** Old results cut; `undefined` where there is nothing old. */
function trimOf({ head, rest }: ContextView, { recentMessages, resultChars }: Required<ContextManagerOptions>) {
  const place = rest.length - recentMessages - 1;
  const last = rest[place];
  if (last === undefined) return undefined;
  const cut = rest.map((message, index) => (index <= place ? trimmed(message, resultChars) : message));
  return {
    trims: { upTo: last.id, chars: resultChars },
    view: { head, rest: cut, messages: [...head, ...cut] },
  };
}

/**
 * The last message to cover: as many recent ones stay as may, fewer where that does not give room enough, and as few as can be where nothing
 * does.
 */
function coveredUpTo(
  rest: readonly Message[],
  recentMessages: number,
  fits: (last: string) => boolean,
): string | undefined {
  const points = cutPoints(rest);
  const old = points.slice(0, Math.max(0, rest.length - recentMessages)).lastIndexOf(true);
  for (let place = Math.max(0, old); place < rest.length; place += 1) {
    const message = rest[place];
    if (points[place] === true && message !== undefined && fits(message.id)) return message.id;
  }
  return rest[points.lastIndexOf(true)]?.id;
}

function checked(settings: Required<ContextManagerOptions>): Required<ContextManagerOptions> {
  const { trigger, target } = settings;
  if (!(trigger > 0 && trigger <= 1)) throw new TypeError(`trigger must be above 0 and at most 1, not ${trigger}`);
  if (!(target > 0 && target < trigger)) throw new TypeError(`target must be above 0 and below trigger, not ${target}`);
  for (const [name, least] of [
    ['recentMessages', 0],
    ['resultChars', 0],
    ['summaryTokens', LEAST_SUMMARY_TOKENS],
  ] as const) {
    const value = settings[name];
    if (!(Number.isSafeInteger(value) && value >= least))
      throw new TypeError(`${name} must be a whole number of at least ${least}, not ${value}`);
  }
  return settings;
}
