import type { Behaviour } from './wire.ts';
import { WELL } from './well.ts';

export type HttpKind = 'ends-without-answer' | 'reconnect-storm';

/** Servers that misbehave as only HTTP lets them. Over stdio they are those that hang in a call. */
export const HTTP_BEHAVIOURS: Readonly<Record<HttpKind, Partial<Behaviour>>> = {
  /** Has the effect, and ends the answer before the result. */
  'ends-without-answer': {
    call(call, world) {
      if (call.name !== 'act') return WELL.call(call, world);
      world.effect(String(call.args['text']));
      call.line.end();
    },
  },
  /** Has the effect, asks the client to come back at once for the rest, and says the same each time it does, which is counted. */
  'reconnect-storm': {
    call(call, world) {
      if (call.name !== 'act') return WELL.call(call, world);
      world.effect(String(call.args['text']));
      call.line.write('id: again\nretry: 0\ndata: \n\n');
      call.line.end();
    },
  },
};
