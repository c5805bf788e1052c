import { isPrusikError } from './errors.ts';

/** Errors that hold errors are looked into so many levels deep, and so many errors of each. */
const DEPTH = 8;
const WIDTH = 100;

/**
 * The error that tells what happened. A failure of cleaning up (`SuppressedError`, as `using` and disposable stacks throw it) never replaces the one before it; of
 * several at once (`AggregateError`) the first is it where it has a code, since there is no code for all of them. Everything else is itself.
 * Never throws, whatever was thrown.
 */
export const primaryError = (thrown: unknown): unknown => primaryOf(thrown, DEPTH);

/**
 * True for an error by which whoever was asked says that nobody knows whether it happened: `inDoubt: true` in its meta. Of a step of effect `once` that is a
 * doubt and no failure. Of what holds several errors, one such error is enough.
 */
export const isInDoubt = (thrown: unknown): boolean => holdsDoubt(thrown, DEPTH);

/**
 * How long whoever was asked wants to be left alone, in milliseconds: `retryAfterMs` in its meta. It had no room and did nothing; so of several errors at once
 * each has to say it, while a failure of cleaning up changes nothing about it.
 */
export const retryAfterMs = (thrown: unknown): number | undefined => pauseOf(thrown, DEPTH);

function primaryOf(thrown: unknown, depth: number): unknown {
  const held = heldBy(thrown, depth);
  if (held === undefined) return thrown;
  const first = primaryOf(held.causes[0], depth - 1);
  return held.cleanup !== undefined || isPrusikError(first) ? first : thrown;
}

function holdsDoubt(thrown: unknown, depth: number): boolean {
  const held = heldBy(thrown, depth);
  if (held === undefined) return fact(thrown, 'inDoubt') === true;
  return [...held.causes, ...(held.cleanup ?? [])].some((error) => holdsDoubt(error, depth - 1));
}

function pauseOf(thrown: unknown, depth: number): number | undefined {
  const held = heldBy(thrown, depth);
  if (held === undefined) {
    const said = fact(thrown, 'retryAfterMs');
    return typeof said === 'number' && said >= 0 ? said : undefined;
  }
  const pauses = held.causes.map((error) => pauseOf(error, depth - 1));
  return pauses.every((ms) => ms !== undefined) ? Math.max(...pauses) : undefined;
}

interface Held {
  readonly causes: readonly [unknown, ...unknown[]];
  /** What failed after that. */
  readonly cleanup?: readonly unknown[];
}

/** By name: realms and polyfills have classes of their own. */
function heldBy(thrown: unknown, depth: number): Held | undefined {
  try {
    if (!(thrown instanceof Error) || depth === 0) return undefined;
    const { name, suppressed, error, errors } = thrown as Error & Readonly<Record<string, unknown>>;
    if (name === 'SuppressedError') return { causes: [suppressed], cleanup: [error] };
    if (name !== 'AggregateError' || !Array.isArray(errors) || errors.length === 0) return undefined;
    const [first, ...others]: readonly unknown[] = errors.slice(0, WIDTH);
    return { causes: [first, ...others] };
  } catch {
    // A getter or a proxy of somebody who imitates them.
    return undefined;
  }
}

function fact(error: unknown, name: string): unknown {
  try {
    return isPrusikError(error) ? error.meta[name] : undefined;
  } catch {
    return undefined;
  }
}
