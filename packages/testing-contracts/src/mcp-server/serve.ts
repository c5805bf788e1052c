import type { Behaviour, Fields, Line, Message, ToolCall, World } from './wire.ts';

/** Which revision a server speaks. `both`: it answers in that of the request. */
export type Speaks = '2025-11-25' | '2026-07-28' | 'both';

const LEGACY = '2025-11-25';
const MODERN = '2026-07-28';
const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
const SUBSCRIPTION_KEY = 'io.modelcontextprotocol/subscriptionId';
const INFO = { name: 'misbehaving', version: '1.0.0' };
const CAPABILITIES = { tools: { listChanged: true }, logging: {} };
const CHANGED = 'notifications/tools/list_changed';
const METHOD_NOT_FOUND = -32_601;

/** What is to be done with one message of the client. */
export type Receive = (message: Message, line: Line) => void;

/** Reads messages as a server of both revisions does, and behaves as it is told to. */
export function serve(
  behaviour: Behaviour,
  speaks: Speaks,
  { effect, marker }: Pick<World, 'effect' | 'marker'>,
): Receive {
  let listener: { readonly line: Line; readonly meta: Fields } | undefined;
  const notify = (line: Line, method: string, params: Fields): void => line.send({ jsonrpc: '2.0', method, params });
  const world = {
    effect,
    marker,
    lists: 0,
    calls: 0,
    changed: (line: Line): void =>
      listener === undefined ? notify(line, CHANGED, {}) : notify(listener.line, CHANGED, { _meta: listener.meta }),
  };

  return (message, line) => {
    if (behaviour.takes(message, line, world)) return;
    const { id, method, params = {} } = message;
    if (id === undefined || method === undefined) return line.end();
    const modern = isModern(method, params);
    const reply = (answer: Fields): void => {
      line.send({ jsonrpc: '2.0', id, ...answer });
      line.end();
    };
    const answer = (result: Fields): void => reply({ result: modern ? { resultType: 'complete', ...result } : result });

    if (!speaksIt(speaks, modern))
      return reply({ error: { code: METHOD_NOT_FOUND, message: `There is no ${method}` } });
    switch (method) {
      case 'initialize':
        return answer({ protocolVersion: LEGACY, capabilities: CAPABILITIES, serverInfo: INFO });
      case 'server/discover':
        return answer({
          supportedVersions: [MODERN],
          capabilities: CAPABILITIES,
          serverInfo: INFO,
          ttlMs: 0,
          cacheScope: 'private',
        });
      case 'ping':
      case 'logging/setLevel':
        return answer({});
      case 'subscriptions/listen':
        listener = { line, meta: { [SUBSCRIPTION_KEY]: id } };
        return notify(line, 'notifications/subscriptions/acknowledged', {
          _meta: listener.meta,
          notifications: params['notifications'] ?? {},
        });
      case 'tools/list':
        world.lists += 1;
        return answer({
          ...(modern ? { ttlMs: 3_600_000, cacheScope: 'private' } : {}),
          ...behaviour.list(params, world),
        });
      case 'tools/call':
        world.calls += 1;
        return behaviour.call({ ...readCall(id, params), line, answer, reply }, world);
      default:
        return reply({ error: { code: METHOD_NOT_FOUND, message: `There is no ${method}` } });
    }
  };
}

function isModern(method: string, params: Fields): boolean {
  const meta = params['_meta'] as Fields | undefined;
  return method === 'server/discover' || meta?.[VERSION_KEY] === MODERN;
}

const speaksIt = (speaks: Speaks, modern: boolean): boolean => speaks === 'both' || (speaks === MODERN) === modern;

function readCall(id: string | number, params: Fields): Omit<ToolCall, 'line' | 'answer' | 'reply'> {
  const meta = params['_meta'] as Fields | undefined;
  return {
    id,
    name: String(params['name']),
    args: (params['arguments'] ?? {}) as Fields,
    progressToken: meta?.['progressToken'],
  };
}
