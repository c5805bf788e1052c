import { checkOptions, type Amount, type Usage } from '@prusik/core';

/** What a model costs: millionths of a currency unit for a million tokens, so 3 dollars a million tokens are 3_000_000. */
export interface ModelPrices {
  readonly input: number;
  /** Input that the provider had in its cache. @default as `input` */
  readonly cachedInput?: number;
  /** Reasoning included. */
  readonly output: number;
}

const KNOWN = {
  names: { input: true, cachedInput: true, output: true } satisfies Record<keyof ModelPrices, true>,
};

/** In whole micros, rounded up; `undefined` where the prices or the tokens are not known. Cached tokens that are not known cost as others do. */
export function costMicros(usage: Usage, prices: ModelPrices | undefined): number | undefined {
  const { inputTokens, outputTokens, cachedInputTokens = 0 } = usage;
  if (prices === undefined || inputTokens === undefined || outputTokens === undefined) return undefined;
  const cached = Math.min(cachedInputTokens, inputTokens);
  const { input, cachedInput = input, output } = prices;
  return Math.ceil(((inputTokens - cached) * input + cached * cachedInput + outputTokens * output) / 1_000_000);
}

/**
 * What is reserved for one call of a model that may be any of these. Without a `costMicros` where one of them has no price: a tree
 * that limits its cost then refuses the call.
 */
export function reservation(
  tokens: { readonly input: number; readonly output: number },
  prices: readonly (ModelPrices | undefined)[],
): Amount {
  const usage: Usage = { inputTokens: tokens.input, outputTokens: tokens.output };
  const costs = prices.map((one) => costMicros(usage, one));
  const known = costs.filter((cost) => cost !== undefined);
  return {
    calls: 1,
    tokens: tokens.input + tokens.output,
    ...(known.length === costs.length ? { costMicros: Math.max(0, ...known) } : {}),
  };
}

/** @throws {TypeError} naming the price that is none. */
export function checkPrices(where: string, prices: ModelPrices): void {
  checkOptions(`${where}: prices`, prices, KNOWN);
  const { input, output, ...more } = prices;
  for (const [name, price] of Object.entries({ input, output, ...more })) {
    // A fraction is a price in whole units that somebody forgot to multiply: budgets would hold nothing.
    if (!(Number.isSafeInteger(price) && price >= 0))
      throw new TypeError(
        `${where}: prices.${name} must be whole micros per million tokens (3 dollars are 3_000_000), 0 or more, not ${String(price)}`,
      );
  }
}
