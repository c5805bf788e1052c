import type { LiveBlock } from '@prusik/core';

/** Is told what a reply says while it comes. */
export type OnDelta = (text: string, block: LiveBlock) => void;

/** Blocks of one reply that are told while it comes; what is past that is seen when the reply is stored. */
const BLOCKS_TOLD = 256;
/** An id that the call may keep (see `plan-calls`): another one is replaced when the reply is stored, and nobody would know the call again. */
const PLAIN_ID = /^[\w.:-]{1,64}$/;

/** The blocks of a reply, as readers of live text are told them. */
export function createLiveBlocks(onDelta: OnDelta) {
  const blocks = new Map<string, LiveBlock>();

  function begin(type: LiveBlock['kind'], id: string, block: LiveBlock): LiveBlock | undefined {
    if (blocks.size >= BLOCKS_TOLD) return undefined;
    blocks.set(`${type}:${id}`, block);
    return block;
  }

  return {
    beginInput(callId: string, tool: string): void {
      if (PLAIN_ID.test(callId)) begin('tool-input', callId, { id: callId, kind: 'tool-input', tool });
    },
    say(kind: LiveBlock['kind'], id: string, text: string): void {
      // Ids of text and reasoning are unique per kind only, and may be of any length; `#` is in no id of a call.
      const block =
        blocks.get(`${kind}:${id}`) ??
        (kind === 'tool-input' ? undefined : begin(kind, id, { id: `#${blocks.size}`, kind }));
      if (block !== undefined) onDelta(text, block);
    },
  };
}
