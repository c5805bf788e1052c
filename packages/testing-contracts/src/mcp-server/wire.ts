/** A JSON object, whoever wrote it. */
export type Fields = Readonly<Record<string, unknown>>;

/** A message of JSON-RPC, as far as anybody can say before looking at it. */
export interface Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: Fields;
}

/** The way back to the client: standard output, or the answer to one request over HTTP. */
export interface Line {
  /** One message. */
  send(message: unknown): void;
  /** Bytes as they are, in whatever the transport has around a message. */
  write(bytes: string | Uint8Array): void;
  /** There will be no more on this line. Over stdio, where there is one line for all, nothing happens. */
  end(): void;
}

/** A call of a tool. */
export interface ToolCall {
  readonly id: string | number;
  readonly name: string;
  readonly args: Fields;
  /** Of `_meta`; missing where the client wants no progress. */
  readonly progressToken: unknown;
  readonly line: Line;
  /** The answer, as the revision of the client has it. */
  answer(result: Fields): void;
  /** The answer, as it is. */
  reply(message: Fields): void;
}

/** What a server does with the world. */
export interface World {
  /** Tells that something has happened for which there is no way back. When it returns, whoever counts has it. */
  effect(what: string): void;
  /** Says that there are other tools now: to whoever listens to that, or on the line of a call. */
  changed(line: Line): void;
  /** In the arguments of every process that this server starts, so that they can be found. */
  readonly marker: string;
  /** How many lists of tools were asked for, this one included. */
  readonly lists: number;
  /** How many calls of tools there were, this one included. */
  readonly calls: number;
}

export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: unknown;
  readonly annotations?: Fields;
}

/** How a server behaves. What a kind does not say, the well-behaved one does. */
export interface Behaviour {
  /** Before anything is read. */
  start(world: Pick<World, 'effect' | 'marker'>): void;
  /** Looks at every message first; true when there is nothing else to be done with it. */
  takes(message: Message, line: Line, world: World): boolean;
  /** The result of `tools/list`. */
  list(params: Fields, world: World): Fields;
  call(call: ToolCall, world: World): void;
}

/** Says something again and again, as fast as somebody reads it, and does its other work between: an answer waits behind little. */
export function forever(say: () => void): void {
  for (let times = 0; times < 50; times += 1) say();
  const { stdout } = process;
  if (stdout.writableNeedDrain) stdout.once('drain', () => forever(say));
  else setImmediate(forever, say);
}
