import type {
  DriveOver,
  EngineEvent,
  Entry,
  Message,
  ObservedDrive,
  ObservedRun,
  ObservedStep,
  Observer,
  TraceContext,
} from '@prusik/core';

/** One call of an observer. What belongs to a drive says of which. */
export type ObserverCall =
  | { readonly type: 'caller'; readonly trace: TraceContext | undefined }
  | { readonly type: 'event'; readonly event: EngineEvent }
  | ({ readonly run: string; readonly epoch: number } & DriveCall);

type DriveCall =
  | {
      readonly type: 'drive';
      readonly of: ObservedRun;
      readonly drive: ObservedDrive;
      readonly trace: TraceContext | undefined;
    }
  | { readonly type: 'step'; readonly step: ObservedStep; readonly trace: TraceContext | undefined }
  | { readonly type: 'inside'; readonly key: string }
  | { readonly type: 'retry'; readonly key: string; readonly code: string; readonly ms: number }
  | { readonly type: 'step-over'; readonly key: string; readonly recorded: boolean }
  | { readonly type: 'committed'; readonly entries: readonly Entry[]; readonly messages: readonly Message[] }
  | { readonly type: 'over'; readonly how: DriveOver };

/** An observer that takes note of what it is told. */
export interface RecordingObserver extends Observer {
  /** All calls, in order. */
  readonly calls: readonly ObserverCall[];
  /** The entries of one run that it was told of, in order. */
  entriesOf(run: string): readonly Entry[];
  /** What it was told of one run, in words: `drive 1`, `step a`, `inside a`, `retry a CODE 500`, `committed run-claim step-end`, `step-over a true`, `over ended`. */
  story(run: string): readonly string[];
}

/** How it notes. */
export interface RecordingObserverOptions {
  /** Gives callers, drives and steps places in a trace, all of one trace: the ids of spans count on. @default false */
  readonly traces?: boolean;
  /** Told of each call at once, such as to write it down before the process dies. */
  readonly onCall?: (call: ObserverCall) => void;
}

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

/** An observer that takes note of all that it is told, as data and as a story in words. */
export function recordingObserver({ traces = false, onCall }: RecordingObserverOptions = {}): RecordingObserver {
  const calls: ObserverCall[] = [];
  let spans = 0;

  function note(call: ObserverCall): void {
    calls.push(call);
    onCall?.(call);
  }

  function nextTrace(): TraceContext | undefined {
    if (!traces) return undefined;
    spans += 1;
    return { traceparent: `00-${TRACE_ID}-${spans.toString(16).padStart(16, '0')}-01` };
  }

  const ofRun = (run: string): readonly Extract<ObserverCall, { readonly run: string }>[] =>
    calls.flatMap((call) => ('run' in call && call.run === run ? [call] : []));

  return {
    calls,
    entriesOf: (run) => ofRun(run).flatMap((call) => (call.type === 'committed' ? call.entries : [])),
    story: (run) => ofRun(run).map(wordsFor),
    caller() {
      const trace = nextTrace();
      note({ type: 'caller', trace });
      return trace;
    },
    drive(of, drive) {
      const at = { run: of.key.run, epoch: drive.epoch };
      const trace = nextTrace();
      note({ ...at, type: 'drive', of, drive, trace });
      return {
        trace,
        step(step) {
          const { key } = step;
          const spanOfStep = nextTrace();
          note({ ...at, type: 'step', step, trace: spanOfStep });
          return {
            trace: spanOfStep,
            inside(body) {
              note({ ...at, type: 'inside', key });
              return body();
            },
            retry: (code, ms) => note({ ...at, type: 'retry', key, code, ms }),
            over: (recorded) => note({ ...at, type: 'step-over', key, recorded }),
          };
        },
        committed: (entries, messages) => note({ ...at, type: 'committed', entries, messages }),
        over: (how) => note({ ...at, type: 'over', how }),
      };
    },
    event: (event) => note({ type: 'event', event }),
  };
}

function wordsFor(call: Extract<ObserverCall, { readonly run: string }>): string {
  switch (call.type) {
    case 'drive':
      return `drive ${call.epoch}`;
    case 'step':
      return `step ${call.step.key}`;
    case 'inside':
      return `inside ${call.key}`;
    case 'retry':
      return `retry ${call.key} ${call.code} ${call.ms}`;
    case 'step-over':
      return `step-over ${call.key} ${call.recorded}`;
    case 'committed':
      return ['committed', ...call.entries.map(({ type }) => type)].join(' ');
    case 'over':
      return `over ${call.how}`;
    default:
      return call satisfies never;
  }
}
