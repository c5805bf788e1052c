import type { UIMessage, UIMessageChunk } from 'ai';
import { assertType, expectTypeOf, it } from 'vitest';
import type { UiMessage, UiMessageChunk, UiPart } from '@prusik/sessions';

it('EVT-6: what is sent and loaded is what the AI SDK takes', () => {
  assertType<UIMessageChunk>({} as UiMessageChunk);
  assertType<UIMessage>({} as UiMessage);
  expectTypeOf<UiMessageChunk>().toExtend<UIMessageChunk>();
  expectTypeOf<UiMessage>().toExtend<UIMessage>();
});

it('EVT-6: each chunk and part of ours has the properties that the AI SDK knows for it, and no other', () => {
  type Unknown<Ours extends { type: string }, Theirs extends { type: string }> = {
    [Type in Ours['type']]: Exclude<
      AllKeys<Extract<Ours, { type: Type }>>,
      AllKeys<Theirs extends unknown ? (Type extends Theirs['type'] ? Theirs : never) : never>
    >;
  }[Ours['type']];
  type AllKeys<T> = T extends unknown ? keyof T : never;
  expectTypeOf<Unknown<UiMessageChunk, UIMessageChunk>>().toEqualTypeOf<never>();
  expectTypeOf<Unknown<UiPart, UIMessage['parts'][number]>>().toEqualTypeOf<never>();
});
