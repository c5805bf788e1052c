import type { UiMessageChunk } from './ui-types.ts';

/** The steps of one turn as a client counts them: begun when there is something to show, ended before the next. */
export interface TurnSteps {
  /** What opens the step of this key, unless it is open. */
  open(key: string): readonly UiMessageChunk[];
  /** Says whether the step of this key is the open one. */
  isOpen(key: string): boolean;
  close(): readonly UiMessageChunk[];
}

export function createTurnSteps(): TurnSteps {
  let current: string | undefined;

  function close(): readonly UiMessageChunk[] {
    if (current === undefined) return [];
    current = undefined;
    return [{ type: 'finish-step' }];
  }

  return {
    open(key) {
      if (current === key) return [];
      const ended = close();
      current = key;
      return [...ended, { type: 'start-step' }];
    },
    isOpen: (key) => current === key,
    close,
  };
}
