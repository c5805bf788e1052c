import type { RunKey } from '../ids.ts';
import { applyToLedger, narrowerBudget, type Budget, type Ledger, type LedgerChange, type NoRoom } from '../ledger.ts';
import { requireState, rootOf } from './rows.ts';
import type { RunState, StoreTransaction } from './tables.ts';

interface LedgerRow {
  readonly key: RunKey;
  readonly ledger: Ledger;
}

/** The ledgers that a run spends from: those on the way from its root down to itself, in this order. */
function ledgersOf(tx: StoreTransaction, state: RunState): readonly LedgerRow[] {
  const rows: LedgerRow[] = [];
  for (const key of wayUp(tx, state)) {
    const ledger = tx.tables.ledger(key);
    if (ledger !== undefined) rows.unshift({ key, ledger });
  }
  return rows;
}

/** The root is known without reading what is below it, so a child of it costs one look more than the root itself. */
function* wayUp(tx: StoreTransaction, state: RunState): Iterable<RunKey> {
  const { tenant } = state.key;
  yield state.key;
  for (let { parent } = state; parent !== undefined;) {
    const key = { tenant, run: parent.run };
    if (key.run === state.root) break;
    yield key;
    ({ parent } = requireState(tx, key));
  }
  if (state.parent !== undefined) yield rootOf(state);
}

/** In each dimension the narrowest limit that a run meets. */
export function budgetOf(tx: StoreTransaction, state: RunState): Budget | undefined {
  return ledgersOf(tx, state).reduce<Budget | undefined>(
    (budget, { ledger }) => narrowerBudget(budget, ledger.limits),
    undefined,
  );
}

/** What is to be saved of all of them, or where there is no room: where there never will be, rather than where there may be soon. */
export function applyToLedgersOf(
  tx: StoreTransaction,
  state: RunState,
  change: LedgerChange,
  runs: number,
):
  | { readonly ok: true; readonly rows: readonly LedgerRow[] }
  | { readonly ok: false; readonly noRoom: NoRoom & { readonly run: string } } {
  const rows: LedgerRow[] = [];
  const short: (NoRoom & { readonly run: string })[] = [];
  for (const { key, ledger } of ledgersOf(tx, state)) {
    const applied = applyToLedger(ledger, change, runs);
    if (applied.ok) rows.push({ key, ledger: applied.ledger });
    else short.push({ run: key.run, ...applied.noRoom });
  }
  const noRoom = short.find(({ held }) => !held) ?? short[0];
  return noRoom === undefined ? { ok: true, rows } : { ok: false, noRoom };
}
