import type { LiveBlock } from '@prusik/core';
import { isPlainId } from './plain-id.ts';

/** Is told what a reply says while it comes. */
export type OnDelta = (text: string, block: LiveBlock) => void;

/** Blocks of one reply that are told while it comes; what is past that is seen when the reply is stored. */
const BLOCKS_TOLD = 256;

/** The blocks of a reply, as readers of live text are told them. */
export function createLiveBlocks(onDelta: OnDelta) {
  const blocks = new Map<string, LiveBlock>();
  let told = 0;

  function begin(type: LiveBlock['kind'], id: string, block: LiveBlock): LiveBlock | undefined {
    if (told >= BLOCKS_TOLD) return undefined;
    told += 1;
    blocks.set(`${type}:${id}`, block);
    return block;
  }

  return {
    beginInput(callId: string, tool: string): void {
      // Of another id nobody would know the call again once its reply is stored.
      if (isPlainId(callId)) begin('tool-input', callId, { id: callId, kind: 'tool-input', tool });
    },
    say(kind: LiveBlock['kind'], id: string, text: string): void {
      // Ids of text and reasoning are unique per kind only, and may be of any length; `#` is in no id of a call.
      const block =
        blocks.get(`${kind}:${id}`) ?? (kind === 'tool-input' ? undefined : begin(kind, id, { id: `#${told}`, kind }));
      if (block !== undefined) onDelta(text, block);
    },
    /** What comes under this id from now on is another block. */
    end(kind: LiveBlock['kind'], id: string): void {
      blocks.delete(`${kind}:${id}`);
    },
  };
}
