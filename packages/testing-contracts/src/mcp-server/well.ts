import type { Behaviour, Tool } from './wire.ts';

const TEXT = { type: 'object', properties: { text: { type: 'string' } } };

/** Says what it was told. */
export const ECHO: Tool = { name: 'echo', description: 'Says what it was told.', inputSchema: TEXT };
/** Has an effect that is counted. */
export const ACT: Tool = { name: 'act', description: 'Does something once.', inputSchema: TEXT };

export const text = (said: string): { readonly content: readonly unknown[] } => ({
  content: [{ type: 'text', text: said }],
});

/** A server without a fault: the control of every test. */
export const WELL: Behaviour = {
  start() {},
  takes: () => false,
  list: () => ({ tools: [ACT, ECHO] }),
  call(call, world) {
    if (call.name === 'act') world.effect(String(call.args['text']));
    call.answer(text(call.name === 'act' ? 'done' : String(call.args['text'])));
  },
};
