/** When a subject, a model or a server, is left alone for a while. */
export interface BreakerOptions {
  /** Failures in a row, within `windowMs`, that open it. @default 5 */
  readonly failures?: number;
  /** @default 60_000 */
  readonly windowMs?: number;
  /** How long it stays open before one call may try again; longer where the subject asks for more. @default 30_000 */
  readonly openMs?: number;
}

/** What a call told about its subject. `unknown`: nothing, since it was told to stop. */
export type Health = 'up' | 'down' | 'unknown';

/** A call that may be made; it must say how it went. */
export interface Passage {
  settle(health: Health, now: number, retryAfterMs?: number): void;
}

/**
 * Keeps calls away from what has failed again and again. Once its time is up one call goes through as a probe: it closes the breaker, or opens it
 * again. Times are a monotonic clock's.
 */
export interface Breaker<Subject extends object = object> {
  enter(subject: Subject, now: number): Passage | { readonly retryInMs: number };
}

interface State {
  failures: readonly number[];
  openUntil?: number;
  probing?: boolean;
}

const BREAKER_DEFAULTS: Required<BreakerOptions> = { failures: 5, windowMs: 60_000, openMs: 30_000 };

/** How soon to look again whether another call's probe has come to an end. */
const PROBE_LOOK_MS = 1_000;

/** Keeps account of who fails, and leaves alone for a while who fails too often. */
export function createBreaker<Subject extends object>(options: BreakerOptions = {}): Breaker<Subject> {
  const { failures: most, windowMs, openMs } = { ...BREAKER_DEFAULTS, ...options };
  const states = new WeakMap<Subject, State>();

  function settle(state: State, probe: boolean, health: Health, now: number, retryAfterMs: number): void {
    if (probe) state.probing = false;
    if (health === 'unknown') return;
    if (health === 'up') {
      // A call that began before the breaker opened says nothing about now.
      if (!probe && state.openUntil !== undefined) return;
      state.failures = [];
      delete state.openUntil;
      return;
    }
    state.failures = [...state.failures.filter((at) => at > now - windowMs), now].slice(-most);
    if (probe || state.failures.length >= most)
      state.openUntil = Math.max(state.openUntil ?? 0, now + Math.max(openMs, retryAfterMs));
  }

  return {
    enter(subject, now) {
      const state = states.get(subject) ?? { failures: [] };
      states.set(subject, state);
      const probe = state.openUntil !== undefined;
      if (probe) {
        const left = (state.openUntil ?? now) - now;
        if (left > 0) return { retryInMs: Math.ceil(left) };
        if (state.probing === true) return { retryInMs: PROBE_LOOK_MS };
        state.probing = true;
      }
      return {
        settle: (health, at, retryAfterMs = 0) => settle(state, probe, health, at, retryAfterMs),
      };
    },
  };
}

/** @throws {TypeError} naming the option that is wrong. */
export function checkBreaker(options: BreakerOptions): void {
  for (const [name, value] of Object.entries(options)) {
    if (!(typeof value === 'number' && Number.isFinite(value) && value >= 1))
      throw new TypeError(`The breaker's ${name} must be a number of at least 1, not ${String(value)}`);
  }
}
