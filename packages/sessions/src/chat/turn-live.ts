import type { LiveBlock, StepDelta, StepExecution } from '@prusik/core';
import type { UiMessageChunk } from './ui-types.ts';

/** A block of a step under way that the client was shown. */
export interface ShownBlock {
  readonly block: LiveBlock;
  /** Of the client's part. */
  readonly id: string;
  readonly text: string;
}

/** What a client was shown of the step under way, before any of it was committed. */
export interface TurnLive {
  /** What is new for the client; nothing where it has to wait for the commit. */
  say(delta: StepDelta): readonly UiMessageChunk[];
  /** The step that is shown. */
  readonly step: StepExecution | undefined;
  readonly shown: readonly ShownBlock[];
  /** The last block, unless it was ended. */
  readonly open: ShownBlock | undefined;
  /** Nothing of it is shown any more. */
  forget(): void;
}

/** @param isKnownCall Whether the client has a call of this id already: another input of that id would overwrite it. */
export function createTurnLive(isKnownCall: (callId: string) => boolean): TurnLive {
  let step: StepExecution | undefined;
  let shown: ShownBlock[] = [];
  let isOpen = false;
  /** Something was missed: what is shown must stay the beginning of what will be committed, so the rest waits for the commit. */
  let waits = false;

  function begin(block: LiveBlock, { key }: StepExecution): readonly UiMessageChunk[] {
    const ended = endOf(isOpen ? shown.at(-1) : undefined);
    const id = block.kind === 'tool-input' ? block.id : `${key}/${shown.length}`;
    shown.push({ block, id, text: '' });
    isOpen = true;
    return [...ended, startOf(block, id)];
  }

  return {
    say(delta) {
      const { key, epoch, attempt, block, offset, text } = delta;
      step ??= { key, epoch, attempt };
      if (waits) return [];
      const at = shown.findIndex((one) => one.block.id === block.id);
      const isLast = at === shown.length - 1 && at >= 0;
      const head = at < 0 ? 0 : (shown[at]?.text.length ?? 0);
      const isTwin = at < 0 && block.kind === 'tool-input' && isKnownCall(block.id);
      // One after the other, as a client shows them: what goes on in an earlier block is told with the commit.
      if (offset !== head || (at >= 0 && !isLast) || isTwin || (block.kind === 'tool-input' && !block.tool)) {
        waits = true;
        return [];
      }
      const started = at < 0 ? begin(block, delta) : [];
      const last = shown.at(-1);
      if (last === undefined) return started;
      shown[shown.length - 1] = { ...last, text: last.text + text };
      return [...started, deltaOf(last, text)];
    },
    get step() {
      return step;
    },
    get shown() {
      return shown;
    },
    get open() {
      return isOpen ? shown.at(-1) : undefined;
    },
    forget() {
      step = undefined;
      shown = [];
      isOpen = false;
      waits = false;
    },
  };
}

function startOf({ kind, id: callId, tool = '' }: LiveBlock, id: string): UiMessageChunk {
  if (kind === 'tool-input') return { type: 'tool-input-start', toolCallId: callId, toolName: tool };
  return { type: `${kind}-start`, id };
}

export function deltaOf({ block: { kind }, id }: ShownBlock, text: string): UiMessageChunk {
  if (kind === 'tool-input') return { type: 'tool-input-delta', toolCallId: id, inputTextDelta: text };
  return { type: `${kind}-delta`, id, delta: text };
}

/** The input of a call has no end of its own: it is there as a whole when it is committed. */
export function endOf(shown: ShownBlock | undefined): readonly UiMessageChunk[] {
  if (shown === undefined || shown.block.kind === 'tool-input') return [];
  return [{ type: `${shown.block.kind}-end`, id: shown.id }];
}
