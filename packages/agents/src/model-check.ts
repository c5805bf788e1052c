import { describeError } from './redact.ts';

/** A provider's own list of its models: as the AI Gateway's `getAvailableModels()` gives it, as `GET /v1/models` does, or bare ids. */
export type ModelList =
  | readonly string[]
  | { readonly models: readonly { readonly id: string }[] }
  | { readonly data: readonly { readonly id: string }[] };

/** By the name of the provider, as its models say it up to the first dot. */
export type ModelLists = Readonly<Record<string, (options: { readonly signal?: AbortSignal }) => Promise<ModelList>>>;

/** What is known about one configured model. */
export interface ModelCheck {
  readonly alias: string;
  readonly provider: string;
  readonly modelId: string;
  /** `no-list`: nobody gave a list of this provider. `list-failed`: it could not be read; `reason` says why. */
  readonly status: 'listed' | 'missing' | 'no-list' | 'list-failed';
  readonly reason?: string;
}

interface Configured {
  readonly alias: string;
  readonly model: { readonly provider: string; readonly modelId: string };
}

export async function checkModelIds(
  configured: readonly Configured[],
  lists: ModelLists,
  signal: AbortSignal | undefined,
): Promise<readonly ModelCheck[]> {
  signal?.throwIfAborted();
  const read = new Map<string, Promise<ReadonlySet<string> | string>>();
  const idsOf = (name: string, list: ModelLists[string]): Promise<ReadonlySet<string> | string> => {
    const known = read.get(name) ?? readIds(list, signal);
    read.set(name, known);
    return known;
  };
  const checks = await Promise.all(
    configured.map(async ({ alias, model: { provider, modelId } }): Promise<ModelCheck> => {
      const name = provider.split('.')[0] ?? provider;
      const list = Object.hasOwn(lists, provider)
        ? lists[provider]
        : Object.hasOwn(lists, name)
          ? lists[name]
          : undefined;
      const one = { alias, provider, modelId };
      if (list === undefined) return { ...one, status: 'no-list' };
      const ids = await idsOf(Object.hasOwn(lists, provider) ? provider : name, list);
      if (typeof ids === 'string') return { ...one, status: 'list-failed', reason: ids };
      return { ...one, status: ids.has(modelId) ? 'listed' : 'missing' };
    }),
  );
  signal?.throwIfAborted();
  return checks;
}

/** The ids, or why there are none. */
async function readIds(
  list: ModelLists[string],
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<string> | string> {
  try {
    const given = await list(signal === undefined ? {} : { signal });
    if (isList(given)) return new Set(given);
    const models = 'models' in given ? given.models : given.data;
    return new Set(models.map(({ id }) => id));
  } catch (error) {
    return describeError(error);
  }
}

const isList = (given: ModelList): given is readonly string[] => Array.isArray(given);
