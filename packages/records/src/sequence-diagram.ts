import { boxesOf, boxLabel, endLabel, missingOf, runLabel, type Box, type Collapse } from './drawing.ts';
import type { Flow, FlowRun } from './flow.ts';
import { MERMAID_LIMITS } from './flowchart.ts';
import { label } from './mermaid-text.ts';

const COLLAPSES: readonly Collapse[] = ['none', 'next', 'all', 'runs'];

/**
 * A flow as a sequence diagram of Mermaid: who asked whom, and who answered when. What ran at once is seen by answers that come after later questions. Within the same bounds as {@link flowchart}.
 */
export function sequenceDiagram(flow: Flow): string {
  for (const collapse of COLLAPSES) {
    const drawn = draw(flow, { collapse, runs: flow.runs.length });
    if (drawn.fits) return drawn.text;
  }
  let runs = flow.runs.length;
  for (;;) {
    runs = Math.floor(runs / 2);
    const drawn = draw(flow, { collapse: 'runs', runs });
    if (drawn.fits || runs <= 1) return drawn.text;
  }
}

/** A line of the diagram with its time; of what is at one time beginnings come before ends of others, as they were found. */
interface Line {
  readonly at: number;
  readonly text: string;
}

type Other = 'model' | 'tool' | 'person' | 'clock' | 'outside';

/** Whom a run asks; its own steps are its own. */
const NAMES: { readonly [Name in Other]: string } = {
  model: 'model',
  tool: 'tools',
  person: 'person',
  clock: 'clock',
  outside: 'outside',
};

function draw(
  flow: Flow,
  { collapse, runs }: { readonly collapse: Collapse; readonly runs: number },
): { readonly text: string; readonly fits: boolean } {
  const shown = flow.runs.slice(0, runs);
  const numbers = new Map(shown.map(({ id }, place) => [id, place + 1]));
  const boxes = shown.map((run) => boxesOf(run, collapse));
  const others = new Set<Other>();
  const lines = shown
    .flatMap((run, place) => linesOf(run, boxes[place] ?? [], { number: place + 1, numbers, others }))
    .toSorted((a, b) => a.at - b.at);
  const missing = missingOf(flow, {
    runs: shown.length,
    boxes: collapse === 'none' ? 0 : sum(boxes.map((of) => of.length)),
    nodes: collapse === 'none' ? 0 : sum(shown.map(({ nodes }) => nodes.filter(({ type }) => type !== 'mark').length)),
  });
  const text = `${[
    'sequenceDiagram',
    ...shown.map((run, place) => `participant r${place + 1} as ${runLabel(run)}`),
    ...[...others].map((other) => `participant ${other} as ${NAMES[other]}`),
    ...lines.map((line) => line.text),
    ...(missing === undefined ? [] : [`note over r1: left out, ${label(missing)}`]),
  ].join('\n')}\n`;
  return { text, fits: lines.length <= MERMAID_LIMITS.edges && text.length <= MERMAID_LIMITS.characters };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, number) => all + number, 0);

function linesOf(
  run: FlowRun,
  boxes: readonly Box[],
  {
    number,
    numbers,
    others,
  }: { readonly number: number; readonly numbers: ReadonlyMap<string, number>; readonly others: Set<Other> },
): readonly Line[] {
  const self = `r${number}`;
  const lines: Line[] = [];
  const parent = run.parent === undefined ? undefined : numbers.get(run.parent.run);
  if (parent !== undefined) lines.push({ at: run.startedAt, text: `r${parent}->>${self}: start` });
  for (const box of boxes) {
    const text = boxLabel(box);
    if (box.children.length > 0) continue;
    const other = otherOf(box);
    if (other === undefined) {
      lines.push({
        at: box.from,
        text: box.shape === 'mark' ? `note over ${self}: ${text}` : `${self}->>${self}: ${text}`,
      });
      continue;
    }
    others.add(other);
    lines.push({ at: box.from, text: `${self}->>${other}: ${text}` });
    if (!box.open) lines.push({ at: box.to, text: `${other}-->>${self}: ${box.bad ? 'failed' : 'done'}` });
  }
  if (parent !== undefined && run.status !== 'queued')
    lines.push({ at: run.at, text: `${self}-->>r${parent}: ${endLabel(run)}` });
  else lines.push({ at: run.at, text: `note over ${self}: ${endLabel(run)}` });
  return lines;
}

function otherOf({ shape, of }: Box): Other | undefined {
  if (shape === 'person') return 'person';
  if (of === 'model' || of === 'tool') return of;
  if (of === 'timer') return 'clock';
  return of === 'signal' ? 'outside' : undefined;
}
