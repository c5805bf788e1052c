import type { Attributes } from '@opentelemetry/api';
import { OWN } from './conventions.ts';

/** Sets of attributes that one family of metrics may have; all further ones are counted as one. A program has some dozens. */
const SETS_LIMIT = 1_000;
const OVERFLOW: Attributes = { [OWN.overflow]: true };

/** The sets of attributes of one family of metrics: made once each, since they are needed with every measurement, and bounded. */
export interface AttributeSets {
  /** The set by its key; `make` is called for a key that is new. Names have spaces, so the parts of a key stand on lines. */
  of(key: string, make: () => Attributes): Attributes;
}

export function createAttributeSets(limit: number = SETS_LIMIT): AttributeSets {
  const sets = new Map<string, Attributes>();
  return {
    of(key, make) {
      const known = sets.get(key);
      if (known !== undefined) return known;
      if (sets.size >= limit) return OVERFLOW;
      const made = make();
      sets.set(key, made);
      return made;
    },
  };
}
