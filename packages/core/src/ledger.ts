import { checkCount } from './store-kit/argument-values.ts';

/** Costs in whole units, so that sums are exact. `costMicros` is millionths of the currency that prices are given in. */
export interface Amount {
  readonly calls?: number;
  readonly tokens?: number;
  readonly costMicros?: number;
}

/** What a whole tree of runs may spend. A missing dimension is unlimited. */
export type Budget = Amount;

/** The one row that all runs of a tree share. */
export interface Ledger {
  readonly limits: Budget;
  readonly used: Required<Amount>;
  readonly reserved: Required<Amount>;
}

/**
 * One change of the ledger, atomic with the commit that carries it. `release` and `use` always succeed (what was
 * spent was spent); then `reserve` is granted as a whole or refuses the whole commit with `BUDGET_EXCEEDED`.
 */
export interface LedgerChange {
  readonly release?: Amount;
  readonly use?: Amount;
  readonly reserve?: Amount;
}

const DIMENSIONS = ['calls', 'tokens', 'costMicros'] as const;
/** What can be limited. */
export type LedgerDimension = (typeof DIMENSIONS)[number];

/**
 * Anything but whole units would make a limit that NaN slips under, or sums that drift; a dimension that there is none of would limit nothing.
 *
 * @throws {TypeError}
 */
export function checkAmount(amount: Amount | undefined): void {
  if (amount === undefined) return;
  for (const [dimension, value] of Object.entries(amount)) {
    if (value === undefined) continue;
    checkCount(`amount of ${dimension}`, value);
    if (!DIMENSIONS.includes(dimension as LedgerDimension))
      throw new TypeError(`There is no amount of ${dimension}; there are ${DIMENSIONS.join(', ')}`);
  }
}

/** Nothing of any dimension. */
export const NO_AMOUNT: Required<Amount> = { calls: 0, tokens: 0, costMicros: 0 };

/** The ledger of a tree that has spent nothing. */
export function openLedger(limits: Budget): Ledger {
  return { limits, used: NO_AMOUNT, reserved: NO_AMOUNT };
}

/** The ledger after `change`, or the dimension that has no room for its reservation. Pure; the store makes it atomic. */
export function applyToLedger(
  ledger: Ledger,
  change: LedgerChange,
): { readonly ok: true; readonly ledger: Ledger } | { readonly ok: false; readonly exceeded: LedgerDimension } {
  const used = addAmounts(ledger.used, change.use ?? NO_AMOUNT);
  const kept = subtractAmounts(ledger.reserved, change.release ?? NO_AMOUNT);
  const reserved = addAmounts(kept, change.reserve ?? NO_AMOUNT);
  if (change.reserve !== undefined) {
    for (const dimension of DIMENSIONS) {
      const limit = ledger.limits[dimension];
      const wanted = change.reserve[dimension] ?? 0;
      if (limit !== undefined && wanted > 0 && used[dimension] + reserved[dimension] > limit) {
        return { ok: false, exceeded: dimension };
      }
    }
  }
  return { ok: true, ledger: { limits: ledger.limits, used, reserved } };
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
export function addAmounts(a: Amount, b: Amount): Required<Amount> {
  return mapDimensions((dimension) => (a[dimension] ?? 0) + (b[dimension] ?? 0));
}

/** Never below zero: a reservation returned twice must not create room. */
export function subtractAmounts(a: Amount, b: Amount): Required<Amount> {
  return mapDimensions((dimension) => Math.max(0, (a[dimension] ?? 0) - (b[dimension] ?? 0)));
}

function mapDimensions(value: (dimension: LedgerDimension) => number): Required<Amount> {
  return { calls: value('calls'), tokens: value('tokens'), costMicros: value('costMicros') };
}
