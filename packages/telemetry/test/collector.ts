import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parse } from 'protobufjs';

/** What a collector answers: as it should; never; with a failure; or it hangs up, before or in the middle of its answer. */
export type Behaviour = 'accept' | 'hang' | 'fail' | 'refuse' | 'break';

/** A span as OTLP has it, decoded. */
export interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  /** Milliseconds since the epoch. */
  readonly start: number;
  readonly end: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code?: number; readonly message?: string };
}

export interface SentMetric {
  readonly name: string;
  readonly unit: string;
  readonly [form: string]: unknown;
}

/** A collector of OTLP over HTTP on a port of its own, for JSON and protobuf. */
export interface Collector extends AsyncDisposable {
  readonly url: string;
  readonly spans: readonly SentSpan[];
  readonly metrics: readonly SentMetric[];
  /** Requests so far, answered or not. */
  readonly requests: number;
  /** Content types that came. */
  readonly types: ReadonlySet<string>;
  behave(as: Behaviour): void;
  /** Resolves when there were so many requests. */
  asked(count: number): Promise<void>;
}

/** As much of opentelemetry/proto/trace/v1/trace.proto as is looked at here. */
const TRACES = parse(`
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { repeated ScopeSpans scope_spans = 2; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
    fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
    repeated Event events = 11; repeated Link links = 13; Status status = 15;
  }
  message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
  message Link { bytes trace_id = 1; bytes span_id = 2; repeated KeyValue attributes = 4; }
  message Status { string message = 2; int32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; Values array_value = 5; } }
  message Values { repeated AnyValue values = 1; }
`).root.lookupType('Request');

interface Encoded {
  readonly resourceSpans?: readonly { readonly scopeSpans?: readonly { readonly spans?: readonly EncodedSpan[] }[] }[];
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics?: readonly { readonly metrics?: readonly SentMetric[] }[];
  }[];
}

interface EncodedSpan {
  readonly traceId: string | Buffer;
  readonly spanId: string | Buffer;
  readonly parentSpanId?: string | Buffer;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: number | string;
  readonly endTimeUnixNano: number | string;
  readonly attributes?: readonly { readonly key: string; readonly value: EncodedValue }[];
  readonly links?: readonly { readonly traceId: string | Buffer; readonly spanId: string | Buffer }[];
  readonly status?: { readonly code?: number; readonly message?: string };
}

interface EncodedValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values?: readonly EncodedValue[] };
}

export async function collector(): Promise<Collector> {
  const spans: SentSpan[] = [];
  const metrics: SentMetric[] = [];
  const types = new Set<string>();
  let behaviour: Behaviour = 'accept';
  let requests = 0;
  let waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  function take(path: string, type: string, body: Buffer): void {
    const isText = type === 'application/json';
    const decoded = (
      isText ? JSON.parse(body.toString()) : TRACES.toObject(TRACES.decode(body), { bytes: Buffer, longs: Number })
    ) as Encoded;
    if (path === '/v1/metrics') {
      const scopes = decoded.resourceMetrics?.flatMap(({ scopeMetrics = [] }) => scopeMetrics) ?? [];
      metrics.push(...scopes.flatMap((scope) => scope.metrics ?? []));
    } else {
      const scopes = decoded.resourceSpans?.flatMap(({ scopeSpans = [] }) => scopeSpans) ?? [];
      spans.push(...scopes.flatMap((scope) => scope.spans ?? []).map(sent));
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    requests += 1;
    for (const { count, resolve } of waiting) if (requests >= count) resolve();
    waiting = waiting.filter(({ count }) => requests < count);
    if (behaviour === 'hang') return;
    if (behaviour === 'refuse') return void request.socket.destroy();
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const type = request.headers['content-type'] ?? '';
    types.add(type);
    if (behaviour === 'fail') return void response.writeHead(500).end();
    if (behaviour === 'break') {
      response.writeHead(200, { 'content-type': type, 'content-length': '100' });
      response.write('{', () => request.socket.destroy());
      return;
    }
    take(request.url ?? '', type, Buffer.concat(pieces));
    response.writeHead(200, { 'content-type': type }).end(type === 'application/json' ? '{}' : '');
  }

  const server = createServer((request, response) => {
    // Whoever was hung up on breaks off in the middle of what it sends.
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    metrics,
    types,
    get requests() {
      return requests;
    },
    behave(as) {
      behaviour = as;
    },
    asked: (count) =>
      requests >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count, resolve })),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const hex = (id: string | Buffer | undefined): string => (typeof id === 'string' ? id : (id?.toString('hex') ?? ''));

function sent({ name, kind, attributes = [], links = [], status = {}, ...span }: EncodedSpan): SentSpan {
  return {
    name,
    kind,
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentSpanId: hex(span.parentSpanId),
    start: Number(span.startTimeUnixNano) / 1e6,
    end: Number(span.endTimeUnixNano) / 1e6,
    attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)])),
    links: links.map((link) => ({ traceId: hex(link.traceId), spanId: hex(link.spanId) })),
    status,
  };
}

function valueOf({ stringValue, boolValue, intValue, doubleValue, arrayValue }: EncodedValue): unknown {
  if (arrayValue !== undefined) return (arrayValue.values ?? []).map(valueOf);
  return stringValue ?? boolValue ?? (intValue === undefined ? doubleValue : Number(intValue));
}
