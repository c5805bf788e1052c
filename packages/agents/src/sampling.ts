import { checkOptions } from '@prusik/core';
import type { ModelRoute } from './model-route.ts';

/** Which models the tools of an agent may ask, by needs of kind `sample` ({@link callNeeds}), and how much. */
export interface SamplingOptions<Alias extends string = string> {
  /** Aliases that {@link bindModels} resolves at assembly. */
  readonly models: readonly Alias[];
  /** Of one reply, whatever a tool asks for. @default 4_096 */
  readonly maxTokens?: number;
  /** Of one run, in all. Tokens and cost count for the limits of the run. @default 16 */
  readonly samples?: number;
  /** Whether a person is asked about each prompt before it is sent. @default 'never' */
  readonly approval?: 'never' | 'always';
}

/** The same, worked out. */
export interface Sampling extends Required<Omit<SamplingOptions, 'models'>> {
  readonly models: ReadonlyMap<string, ModelRoute>;
}

const KNOWN = {
  names: { models: true, maxTokens: true, samples: true, approval: true } satisfies Record<keyof SamplingOptions, true>,
};

/** @throws {TypeError} */
export function checkSampling(agent: string, options: SamplingOptions | undefined): void {
  if (options === undefined) return;
  const { models, maxTokens, samples, approval = 'never' } = options;
  checkOptions(`Agent ${agent}: sampling`, options, KNOWN);
  if (!Array.isArray(models) || models.some((alias) => typeof alias !== 'string' || alias === ''))
    throw new TypeError(`Agent ${agent}: sampling.models must be a list of aliases`);
  for (const [name, value] of Object.entries({ maxTokens, samples }))
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0))
      throw new TypeError(
        `Agent ${agent}: sampling.${name} must be a whole number of at least 1, not ${String(value)}`,
      );
  if (approval !== 'never' && approval !== 'always')
    throw new TypeError(`Agent ${agent}: sampling.approval is never or always, not ${JSON.stringify(approval)}`);
}

/** `undefined` where tools may ask no model. */
export function samplingOf(
  options: SamplingOptions | undefined,
  routes: ReadonlyMap<string, ModelRoute>,
): Sampling | undefined {
  if (options === undefined) return undefined;
  const { models, maxTokens = 4_096, samples = 16, approval = 'never' } = options;
  const found = models.flatMap((alias): [string, ModelRoute][] => {
    const route = routes.get(alias);
    return route === undefined ? [] : [[alias, route]];
  });
  return { models: new Map(found), maxTokens, samples, approval };
}
