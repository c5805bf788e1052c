import { scriptedModel, type ScriptedReply, type ScriptedRequest } from '@prusik/testing-contracts';
import { asSchema, generateText, stepCountIs, streamText, type LanguageModel } from 'ai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { McpRunner } from '../src/index.ts';
import { readServerTool } from '../src/server-tool.ts';
import { toolInputSchema } from '../src/tool-schema.ts';
import { become, definition, newToolPlace, type ToolPlace } from './tool-place.ts';

let place: ToolPlace;
beforeAll(async () => {
  place = await newToolPlace();
});
afterAll(() => place[Symbol.asyncDispose]());

const model = (...replies: ScriptedReply[]): ReturnType<typeof scriptedModel> & LanguageModel => scriptedModel(replies);
const stopWhen = stepCountIs(3);
const prompt = 'Go.';

function lastResult(requests: readonly ScriptedRequest[]): unknown {
  const message = requests.at(-1)?.prompt.at(-1) as { readonly content: readonly { readonly output: unknown }[] };
  return message.content[0]?.output;
}

/** A runner whose server has a tool of each kind of result. */
async function withTools(...names: string[]): Promise<McpRunner> {
  const runner = await place.runner();
  await become(
    runner,
    names.map((name) => definition(name)),
  );
  return runner;
}

describe('MCP-6: the tools of a runner in the AI SDK', () => {
  it('MCP-6: are called by streamText, and the model is told of them and of what they return', async () => {
    await using runner = await place.runner();
    const scripted = model({ call: 'climb_echo', input: { text: 'on belay' } }, 'Done.');

    const { text } = streamText({ model: scripted, tools: await runner.tools(), prompt, stopWhen });

    expect(await text).toBe('Done.');
    expect(scripted.requests[0]?.tools).toMatchObject([
      { name: 'climb_become', description: 'Changes the tools.' },
      { name: 'climb_echo', inputSchema: { type: 'object', required: ['text'] } },
    ]);
    expect(lastResult(scripted.requests)).toEqual({ type: 'text', value: 'on belay' });
  });

  it.each([
    ['data as data', 'data', { type: 'json', value: { degrees: 7 } }],
    [
      'an image as a file',
      'image',
      { type: 'content', value: [{ type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'aGk=' } }] },
    ],
    ['a failure as an error', 'fail', { type: 'error-text', value: 'PrusikError: no such route' }],
  ])('MCP-6: show a model %s', async (_, name, output) => {
    await using runner = await withTools(name);
    const scripted = model({ call: `climb_${name}`, input: {} }, 'Done.');

    await generateText({ model: scripted, tools: await runner.tools(), prompt, stopWhen });

    expect(lastResult(scripted.requests)).toMatchObject(output);
  });

  it('MCP-4, MCP-6: wait for a person where the rules say so, and nothing is called before', async () => {
    await using runner = await place.runner({}, { approval: { echo: 'once' } });
    const scripted = model({ call: 'climb_echo', input: { text: 'x' } });

    const { content } = await generateText({ model: scripted, tools: await runner.tools(), prompt, stopWhen });

    expect(content.map(({ type }) => type)).toEqual(['tool-call', 'tool-approval-request']);
    expect(content[0]).toMatchObject({ toolMetadata: { mcpServer: 'climb', mcpTool: 'echo' } });
    expect(runner.servers()).toMatchObject([{ calls: 0 }]);
  });

  it('MCP-6: refuse an input that does not fit, and the model reads why', async () => {
    await using runner = await place.runner();
    const scripted = model({ call: 'climb_echo', input: { text: 1 } }, 'Done.');

    await generateText({ model: scripted, tools: await runner.tools(), prompt, stopWhen });

    expect(lastResult(scripted.requests)).toMatchObject({
      type: 'error-text',
      value: expect.stringContaining('expected string, received number'),
    });
  });

  it('MCP-6: are given up with the abort signal of the SDK', async () => {
    await using runner = await withTools('hang');
    const controller = new AbortController();
    const tools = await runner.tools();

    const hung = tools['climb_hang']?.execute({}, { toolCallId: 'c', abortSignal: controller.signal });
    controller.abort(new Error('enough'));

    await expect(hung).rejects.toThrow('enough');
  });

  it('MCP-6: ask whoever the program names what their server asks, and go on with the answer', async () => {
    await using runner = await withTools('ask');
    const asked: unknown[] = [];
    const tools = await runner.tools({
      answer(need, { server, tool }) {
        asked.push([need.kind, server, tool]);
        return { status: 'answered', value: { route: 'north' } };
      },
    });

    const answered = await tools['climb_ask']?.execute({}, { toolCallId: 'c' });
    const alone = await (await runner.tools())['climb_ask']?.execute({}, { toolCallId: 'c' });

    expect(answered).toEqual({ text: 'by north' });
    expect(alone).toEqual({ text: 'by nobody' });
    expect(asked).toEqual([['question', 'climb', 'ask']]);
  });

  it('MCP-2, MCP-6: end a call whose question nobody will answer, at the server too, and say that it is in doubt', async () => {
    await using runner = await withTools('ask', 'cancelled');
    const controller = new AbortController();
    const given = await runner.tools({
      answer() {
        controller.abort(new Error('enough'));
        return new Promise<never>(() => {});
      },
    });
    const failing = await runner.tools({ answer: () => Promise.reject(new Error('no one is at the desk')) });
    const call = { toolCallId: 'c', abortSignal: controller.signal };

    await expect(given['climb_ask']?.execute({}, call)).rejects.toThrow('enough');
    await expect(failing['climb_ask']?.execute({}, { toolCallId: 'c' })).rejects.toMatchObject({
      code: 'MCP_CALL_LOST',
      meta: { inDoubt: true },
      cause: { message: 'no one is at the desk' },
    });
    expect(await given['climb_cancelled']?.execute({}, { toolCallId: 'c' })).toEqual({ text: '2 cancelled' });
    expect(runner.servers()).toMatchObject([{ calls: 0 }]);
  });

  it('MCP-6: send nothing that is no JSON, and leave the server as it is', async () => {
    await using runner = await place.runner();
    const tools = await runner.tools();
    const cycle: Record<string, unknown> = { text: 'x' };
    cycle['self'] = cycle;

    for (const input of [undefined, cycle, { text: 'x', more: 1n }, 'text', null])
      await expect(tools['climb_echo']?.execute(input, { toolCallId: 'c' })).rejects.toMatchObject({
        code: 'MCP_INPUT_INVALID',
      });
    expect(runner.servers()).toMatchObject([{ status: 'ready' }]);
  });

  it('MCP-6: are of the servers that are chosen', async () => {
    await using runner = await place.runner();

    expect(Object.keys(await runner.tools({ servers: [] }))).toEqual([]);
    await expect(runner.tools({ servers: ['gone'] })).rejects.toThrow(TypeError);
  });

  it('MCP-6: are refused once the runner is disposed', async () => {
    const runner = await place.runner();
    const tools = await runner.tools();
    await runner[Symbol.asyncDispose]();

    await expect(tools['climb_echo']?.execute({ text: 'x' }, { toolCallId: 'c' })).rejects.toMatchObject({
      code: 'MCP_CLOSED',
    });
    await expect(runner.tools()).rejects.toMatchObject({ code: 'MCP_CLOSED' });
  });
});

const KEYWORDS =
  'type properties items anyOf allOf oneOf not $ref $defs definitions enum const pattern patternProperties additionalProperties required prefixItems if then dependencies uniqueItems title x __proto__'.split(
    ' ',
  );
const DATA: readonly unknown[] = [null, true, 0, -1, 'object', 'string', '#', '#/$defs/x', '(a+)+$', '', [], {}, ['x']];

/** Something that could be part of a schema, and mostly is none; the same each time. */
function somethingLikeSchemas(): (depth: number) => unknown {
  let state = 7;
  const below = (most: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
  return function one(depth): unknown {
    const kind = below(10);
    if (depth === 0 || kind < 4) return DATA[below(DATA.length)];
    if (kind < 6) return Array.from({ length: below(4) }, () => one(depth - 1));
    return Object.fromEntries(
      Array.from({ length: below(5) }, () => [KEYWORDS[below(KEYWORDS.length)] ?? '', one(depth - 1)]),
    );
  };
}

describe('MCP-3, MCP-6: schemas that servers make up', () => {
  it('MCP-3: are refused with a reason, or taken by the SDK and checked by without a throw', async () => {
    const something = somethingLikeSchemas();
    const ends = { refused: 0, taken: 0 };
    for (let round = 0; round < 5_000; round += 1) {
      const given = { name: 'x', inputSchema: { ...(something(4) as object), type: 'object' } };
      const tool = tryRead(given);
      if (tool instanceof TypeError) ends.refused += 1;
      else {
        const schema = toolInputSchema(tool.inputSchema);
        await asSchema(schema).jsonSchema;
        schema['~standard'].validate(something(3));
        ends.taken += 1;
      }
    }

    expect(ends.refused).toBeGreaterThan(500);
    expect(ends.taken).toBeGreaterThan(500);
  });
});

function tryRead(given: unknown): ReturnType<typeof readServerTool> | TypeError {
  try {
    return readServerTool(given);
  } catch (error) {
    if (error instanceof TypeError) return error;
    throw error;
  }
}
