import type { Commit, Store } from '@prusik/core';

const POINT = /^(before|after)-(start|claim|commit|signal|decide|outcome)(?::(.+))?$/;

/**
 * Ends its own process with SIGKILL at a named point of its life:
 *
 * - `before-commit:3`, `after-commit:3`: at the third commit, before it is sent or after it was answered; the same with `start`, `signal`
 *   and `decide`. Without a number it is the first.
 * - `after-claim:2`: the second claim that took a run.
 * - `before-outcome:pay`: the effect of step `pay` has happened and its outcome is not committed; `after-outcome:pay`: it is committed, and
 *   nobody was told.
 *
 * Without a point, as in `killingStore(store, process.env['CRASH_POINT'])` of a process that is to live, the store is given back as it is.
 *
 * @throws {TypeError} for a point that is none.
 */
export function killingStore(inner: Store, point: string | undefined, die: () => void = dieAtOnce): Store {
  if (point === undefined || point === '') return inner;
  const [, when, name, which] = POINT.exec(point) ?? [];
  const nth = name === 'outcome' ? undefined : Number(which ?? 1);
  if (
    when === undefined ||
    (name === 'outcome' ? which === undefined : !(Number.isSafeInteger(nth) && Number(nth) > 0))
  )
    throw new TypeError(`There is no point ${JSON.stringify(point)} to die at`);
  let count = 0;

  /** Whether the call that is made now is the last. */
  const isLast = (): boolean => (count += 1) === nth;

  async function call<T>(method: string, act: () => Promise<T>, counts: (answer?: T) => boolean): Promise<T> {
    if (method !== name) return act();
    if (when === 'before' && counts() && isLast()) die();
    const answer = await act();
    if (when === 'after' && counts(answer) && isLast()) die();
    return answer;
  }

  const always = (): boolean => true;
  const ends = ({ entries }: Commit): boolean =>
    name === 'outcome' && entries.some((entry) => entry.type === 'step-end' && entry.key === which);
  return {
    ...inner,
    start: (run) => call('start', () => inner.start(run), always),
    claim: (query) =>
      call(
        'claim',
        () => inner.claim(query),
        (answer) => (answer?.claims.length ?? 1) > 0,
      ),
    async commit(commit) {
      if (when === 'before' && ends(commit)) die();
      const answer = await call('commit', () => inner.commit(commit), always);
      if (when === 'after' && ends(commit)) die();
      return answer;
    },
    signal: (signal) => call('signal', () => inner.signal(signal), always),
    decide: (decision) => call('decide', () => inner.decide(decision), always),
  };
}

/** The signal is delivered before the call returns: no line of JavaScript runs after it. */
function dieAtOnce(): void {
  process.kill(process.pid, 'SIGKILL');
}
