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
    expect(() => checkAmount({ cost: 5 } as object)).toThrow(
      /nothing called cost .*: there are calls, tokens, costMicros/,
    );
    expect(() => checkAmount({ costMicros: Number.NaN })).toThrow(TypeError);
    expect(() => checkAmount({ costMicros: 5, tokens: 0 })).not.toThrow();
  });
});

/** A generator of its own, so that a failure can be played again. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('whatever is reserved, used and returned, in whatever order', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'WFL-4: is never above the limit while nobody uses more than it reserved, and what is refused as held fits once others used nothing (seed %i)',
    (seed) => {
      const next = numbers(seed);
      const limits = { calls: 6 + next(6), tokens: 200 + next(300), runs: 5 + next(5) };
      let ledger = openLedger(limits);
      const open: { readonly calls: number; readonly tokens: number }[] = [];
      let [used, runs] = [{ calls: 0, tokens: 0 }, 0];
      const misjudged: LedgerChange[] = [];
      const tell = { granted: 0, held: 0, never: 0, charged: 0 };

      for (let turn = 0; turn < 2_000; turn += 1) {
        const wish = { calls: 1, tokens: next(180) };
        const settles = open.length > 0 && next(3) === 0 ? open.splice(next(open.length), 1)[0] : undefined;
        // A call that is lost is charged in full.
        const use = settles && {
          calls: settles.calls,
          tokens: next(4) === 0 ? settles.tokens : next(settles.tokens + 1),
        };
        if (use?.tokens === settles?.tokens) tell.charged += 1;
        const change = {
          ...(settles ? { release: settles } : {}),
          ...(use ? { use } : {}),
          ...(next(2) === 0 ? { reserve: wish } : {}),
        };
        const starts = next(40) === 0 ? 1 : 0;
        const applied = applyToLedger(ledger, change, starts);
        if (use) used = { calls: used.calls + use.calls, tokens: used.tokens + use.tokens };
        if (!applied.ok) {
          tell[applied.noRoom.held ? 'held' : 'never'] += 1;
          const idle: Ledger = { ...ledger, used: { ...ledger.used, ...used }, reserved: openLedger({}).reserved };
          const fits = applyToLedger(idle, change.reserve ? { reserve: wish } : {}, starts).ok;
          if (fits !== applied.noRoom.held) misjudged.push(change);
          // Refused as a whole: what was to be settled with it is settled by itself.
          ledger = apply(ledger, { ...(settles ? { release: settles } : {}), ...(use ? { use } : {}) });
        } else {
          ledger = applied.ledger;
          runs += starts;
          if (change.reserve !== undefined) {
            tell.granted += 1;
            open.push(wish);
          }
        }
        for (const dimension of ['calls', 'tokens', 'runs'] as const)
          expect(ledger.used[dimension] + ledger.reserved[dimension]).toBeLessThanOrEqual(limits[dimension]);
      }
      for (const left of open) ledger = apply(ledger, { release: left });

      expect(ledger.used).toMatchObject({ ...used, runs });
      expect(ledger.reserved).toEqual({ calls: 0, tokens: 0, costMicros: 0, runs: 0 });
      expect(misjudged).toEqual([]);
      expect(Math.min(...Object.values(tell))).toBeGreaterThan(0);
    },
  );
});
