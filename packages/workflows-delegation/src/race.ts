/** One that runs in a race; `signal` fires when another was first. */
export type Racer<Result> = (signal: AbortSignal) => Promise<Result> | Result;

/** All of a race, by what each gives. */
export type Racers<Results extends readonly unknown[]> = { readonly [Place in keyof Results]: Racer<Results[Place]> };

/** Why a loser was cancelled; a child's error says it too. */
const LOST = 'another was first';

/**
 * Settles as the first of `racers` does, and stops the others: a child that was called with the signal is cancelled, a question withdrawn. As
 * outcomes come in one order, a replay has the same winner.
 *
 * @throws {TypeError} when nobody runs: it would never settle.
 */
export async function race<Results extends readonly unknown[]>(racers: Racers<Results>): Promise<Results[number]> {
  if (racers.length === 0) throw new TypeError('race: nobody runs in it, so it would never end');
  const lost = new AbortController();
  try {
    return await Promise.race(racers.map(async (racer) => racer(lost.signal)));
  } finally {
    lost.abort(LOST);
  }
}
