import type { Signal, SignalKind } from '@prusik/core';
import { frozen } from './frozen.ts';

/** What one run was told, in order and by name. */
export interface RunInbox {
  readonly signals: readonly Signal[];
  find(kind: SignalKind, key: string): Signal | undefined;
  append(signal: Signal): void;
  clear(): void;
}

export function createRunInbox(): RunInbox {
  const signals: Signal[] = [];
  const byName = new Map<string, Signal>();
  const nameOf = (kind: SignalKind, key: string): string => `${kind} ${key}`;

  return {
    signals,
    find: (kind, key) => byName.get(nameOf(kind, key)),
    append(signal) {
      frozen(signal);
      signals.push(signal);
      byName.set(nameOf(signal.kind, signal.key), signal);
    },
    clear() {
      signals.length = 0;
      byName.clear();
    },
  };
}
