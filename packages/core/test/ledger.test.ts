import { describe, expect, it } from 'vitest';
import { applyToLedger, checkAmount, openLedger, type Ledger, type LedgerChange } from '../src/index.ts';

function apply(ledger: Ledger, ...changes: readonly LedgerChange[]): Ledger {
  return changes.reduce((current, change) => {
    const result = applyToLedger(current, change);
    if (!result.ok) throw new Error(result.noRoom.dimension);
    return result.ledger;
  }, ledger);
}

describe('the ledger', () => {
  it('WFL-4: a reservation takes room at once, and settling gives back what was not used', () => {
    const ledger = apply(openLedger({ tokens: 100 }), { reserve: { tokens: 60 } });

    expect(applyToLedger(ledger, { reserve: { tokens: 41 } })).toMatchObject({
      ok: false,
      noRoom: { dimension: 'tokens', limit: 100 },
    });
    expect(applyToLedger(ledger, { reserve: { tokens: 40 } })).toMatchObject({ ok: true });
    expect(apply(ledger, { release: { tokens: 60 }, use: { tokens: 10 } })).toMatchObject({
      used: { tokens: 10 },
      reserved: { tokens: 0 },
    });
  });

  it('WFL-4: what was spent is recorded even past the limit, and then nothing more is reserved', () => {
    const over = apply(openLedger({ tokens: 10 }), { use: { tokens: 12 } });

    expect(over.used.tokens).toBe(12);
    expect(applyToLedger(over, { reserve: { tokens: 1 } })).toEqual({
      ok: false,
      noRoom: { dimension: 'tokens', limit: 10, held: false },
    });
    expect(applyToLedger(over, { reserve: { calls: 1 } })).toMatchObject({ ok: true });
  });

  it('a change that settles one call and reserves the next counts the room it frees', () => {
    const ledger = apply(openLedger({ tokens: 100 }), { reserve: { tokens: 100 } });

    expect(
      applyToLedger(ledger, { release: { tokens: 100 }, use: { tokens: 20 }, reserve: { tokens: 80 } }),
    ).toMatchObject({ ok: true });
  });

  it('a reservation returned twice makes no room', () => {
    const ledger = apply(
      openLedger({ tokens: 10 }),
      { reserve: { tokens: 5 } },
      { release: { tokens: 5 } },
      { release: { tokens: 5 } },
    );

    expect(ledger.reserved.tokens).toBe(0);
    expect(applyToLedger(ledger, { reserve: { tokens: 11 } })).toMatchObject({ ok: false });
  });

  it('WFL-4: a budget of a dimension that there is none of is refused: it would limit nothing', () => {
    expect(() => checkAmount({ cost: 5 } as object)).toThrow(/no amount of cost; there are calls, tokens, costMicros/);
    expect(() => checkAmount({ costMicros: Number.NaN })).toThrow(TypeError);
    expect(() => checkAmount({ costMicros: 5, tokens: 0 })).not.toThrow();
  });
});
