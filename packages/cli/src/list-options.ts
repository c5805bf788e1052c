import type { Page } from '@prusik/core';
import type { Call, Option } from './command.ts';
import { numberOf } from './values.ts';

/** Options of every list. */
export const LIST_OPTIONS: Readonly<Record<string, Option>> = {
  limit: { type: 'string', value: 'N', help: 'rows of a page, at most 1000 (default: 50)' },
  after: { type: 'string', value: 'CURSOR', help: 'the page after this one' },
};

export interface Paging {
  readonly limit: number;
  readonly after?: string;
}

export function pagingOf({ values }: Pick<Call, 'values'>): Paging {
  const after = values.text('after');
  return { limit: numberOf(values, 'limit', 1) ?? 50, ...(after === undefined ? {} : { after }) };
}

/** Where the list goes on, for whoever looks at this page. */
export function tellNext({ tell }: Pick<Call, 'tell'>, { next }: Pick<Page<unknown>, 'next'>): void {
  if (next === undefined) return;
  if (tell.json) tell.thing('page', { next }, []);
  else tell.hint(`More: --after ${next}`);
}
