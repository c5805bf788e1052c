import type { SourcedCall, ToolCallScope, ToolListing, ToolListScope, ToolSource } from '@prusik/core';
import type { Json, JsonObject, CallResult } from '@prusik/core';
import { failure } from './record-model.ts';
import { overriding } from './overriding.ts';
import { notPlayed } from './replay-model.ts';
import type { RecordedCalls } from './recorded-calls.ts';
import type { CallOf, FiledReply } from './recording-file.ts';
import type { RecordingLog } from './recording-log.ts';
import type { Scrub } from './scrub.ts';

/** What a recorder needs of a tool: what `defineTool` of `@prusik/agents` makes. */
export interface RecordedTool {
  readonly name: string;
  execute(input: never, scope: never): unknown;
}

/** Does the work and keeps what came of it, or gives what was kept and does nothing. */
export type Through = (
  of: Exclude<CallOf, 'model'>,
  name: string,
  asked: object,
  work: () => unknown,
  signal: AbortSignal | undefined,
) => Promise<unknown>;

export function recordingThrough(log: RecordingLog, scrub: Scrub): Through {
  return async (of, name, asked, work, signal) => {
    const end = log.begin(of, name, () => ({ head: scrub.request(asked, 'tool-input') as JsonObject, messages: [] }));
    try {
      const value = await work();
      end((): FiledReply => {
        const json = scrub.reply(value, 'tool-result');
        // What a source offers is asked for with each call of a model.
        return of === 'list' ? { listing: log.share(json) } : { value: json };
      });
      return value;
    } catch (error) {
      end(() => failure(error, signal, scrub));
      throw error;
    }
  };
}

export function replayingThrough(calls: RecordedCalls, scrub: Scrub, decode: (json: Json) => unknown): Through {
  return async (of, name, asked, _, signal) => {
    const reply = calls.take(of, name, { head: scrub.request(asked, 'tool-input') as JsonObject, messages: [] });
    signal?.throwIfAborted();
    if ('value' in reply) return decode(reply.value);
    if ('listing' in reply) return decode(calls.shared(reply.listing));
    return notPlayed(reply, signal, decode);
  };
}

export function toolThrough<Tool extends RecordedTool>(tool: Tool, through: Through): Tool {
  const execute = (input: never, scope: never): Promise<unknown> => {
    const { answers, state, signal } = (scope ?? {}) as { answers?: unknown; state?: unknown; signal?: AbortSignal };
    return through('tool', tool.name, { input, answers, state }, () => tool.execute(input, scope), signal);
  };
  return { ...tool, execute };
}

export function sourceThrough<Source extends ToolSource>(source: Source, through: Through): Source {
  const list = (scope: ToolListScope): Promise<ToolListing> =>
    through('list', source.name, {}, () => source.list(scope), scope.signal) as Promise<ToolListing>;
  const call = (asked: SourcedCall, scope: ToolCallScope): Promise<CallResult> => {
    const { name, input, continues } = asked;
    return through(
      'call',
      source.name,
      { tool: name, input, continues },
      () => source.call(asked, scope),
      scope.signal,
    ) as Promise<CallResult>;
  };
  return overriding(source, { list, call });
}
