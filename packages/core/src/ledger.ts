import { shown } from './shown.ts';
import { checkCount } from './store-kit/argument-values.ts';

/** What calls may use. Costs in whole units, so that sums are exact. `costMicros` is millionths of the currency that prices are given in. */
export interface Amount {
  readonly calls?: number;
  readonly tokens?: number;
  readonly costMicros?: number;
}

/** What a run and all runs below it may spend. A missing dimension is unlimited. */
export interface Budget extends Amount {
  /** Runs below it, at any depth. */
  readonly runs?: number;
}

/** The row that a run with a budget shares with all runs below it. */
export interface Ledger {
  readonly limits: Budget;
  readonly used: Required<Budget>;
  readonly reserved: Required<Budget>;
}

/**
 * One change of every ledger on the way from a run up to its root, atomic with the commit that carries it. `release` and `use` always succeed (what
 * was spent was spent); then `reserve` is granted by all of them, or refuses the whole commit with `BUDGET_EXCEEDED`.
 */
export interface LedgerChange {
  readonly release?: Amount;
  readonly use?: Amount;
  readonly reserve?: Amount;
}

/** What can be limited. */
export type LedgerDimension = keyof Budget;

const AMOUNTS: readonly (keyof Amount)[] = ['calls', 'tokens', 'costMicros'];
const DIMENSIONS: readonly LedgerDimension[] = [...AMOUNTS, 'runs'];

/** Where there is no room. */
export interface NoRoom {
  readonly dimension: LedgerDimension;
  readonly limit: number;
  /** It would fit once what others have reserved is settled, if they use little enough: worth asking for again. */
  readonly held: boolean;
}

/**
 * Anything but whole units would make a limit that NaN slips under, or sums that drift; a dimension that there is none of would limit nothing.
 *
 * @throws {TypeError}
 */
export function checkAmount(amount: Amount | undefined): void {
  checkDimensions(amount, AMOUNTS);
}

/** The same for a budget. */
export function checkBudget(budget: Budget | undefined): void {
  checkDimensions(budget, DIMENSIONS);
}

function checkDimensions(amount: Budget | undefined, known: readonly string[]): void {
  if (amount === undefined) return;
  if (typeof amount !== 'object' || amount === null)
    throw new TypeError(`An amount or a budget must be an object, not ${shown(amount)}`);
  for (const [dimension, value] of Object.entries(amount)) {
    if (value === undefined) continue;
    checkCount(`amount of ${dimension}`, value);
    if (!known.includes(dimension))
      throw new TypeError(`There is nothing called ${dimension} to limit or reserve: there are ${known.join(', ')}`);
  }
}

/** Nothing of any dimension. */
export const NO_AMOUNT: Required<Budget> = { calls: 0, tokens: 0, costMicros: 0, runs: 0 };

/** The ledger of a run below which nothing was spent. */
export function openLedger(limits: Budget): Ledger {
  return { limits, used: NO_AMOUNT, reserved: NO_AMOUNT };
}

/**
 * The ledger after `change` and the start of `runs` runs, or where it has no room. A run that was started was started: it is used at once. Of several
 * dimensions without room the answer is one that will never have it, if there is such a one. Pure; the store makes it atomic.
 */
export function applyToLedger(
  { limits, ...before }: Ledger,
  { release = NO_AMOUNT, use = NO_AMOUNT, reserve = NO_AMOUNT }: LedgerChange,
  runs = 0,
): { readonly ok: true; readonly ledger: Ledger } | { readonly ok: false; readonly noRoom: NoRoom } {
  const used = addAmounts(addAmounts(before.used, use), { runs });
  const reserved = addAmounts(subtractAmounts(before.reserved, release), reserve);
  const wanted: Budget = { ...reserve, runs };
  const short = DIMENSIONS.flatMap((dimension): NoRoom[] => {
    const limit = limits[dimension] ?? Infinity;
    if ((wanted[dimension] ?? 0) === 0 || used[dimension] + reserved[dimension] <= limit) return [];
    return [{ dimension, limit, held: used[dimension] + (reserve[dimension as keyof Amount] ?? 0) <= limit }];
  });
  const noRoom = short.find(({ held }) => !held) ?? short[0];
  return noRoom === undefined ? { ok: true, ledger: { limits, used, reserved } } : { ok: false, noRoom };
}

/** The budget that keeps both: the smaller limit of each dimension. */
export function narrowerBudget(a: Budget | undefined, b: Budget | undefined): Budget | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const narrower: { -readonly [Dimension in keyof Budget]: Budget[Dimension] } = {};
  for (const dimension of DIMENSIONS) {
    const limits = [a[dimension], b[dimension]].filter((limit) => limit !== undefined);
    if (limits.length > 0) narrower[dimension] = Math.min(...limits);
  }
  return narrower;
}

/** The sum, in each dimension. */
export function addAmounts(a: Budget, b: Budget): Required<Budget> {
  return mapDimensions((dimension) => (a[dimension] ?? 0) + (b[dimension] ?? 0));
}

/** Never below zero: a reservation returned twice must not create room. */
export function subtractAmounts(a: Budget, b: Budget): Required<Budget> {
  return mapDimensions((dimension) => Math.max(0, (a[dimension] ?? 0) - (b[dimension] ?? 0)));
}

function mapDimensions(value: (dimension: LedgerDimension) => number): Required<Budget> {
  return { calls: value('calls'), tokens: value('tokens'), costMicros: value('costMicros'), runs: value('runs') };
}
