// A server of MCP that behaves as it is told. It needs Node.js alone, and no package, so that the file can be put anywhere.
// Arguments: kind, revision, marker, a file for effects or `-`, and `--http` for a server on a port of its own.
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { behaviourOf } from './behaviours.ts';
import { overHttp } from './over-http.ts';
import { overStdio } from './over-stdio.ts';
import { serve, type Speaks } from './serve.ts';

const [kind = '', speaks = 'both', marker = '', effects = '-', transport] = process.argv.slice(2);

/** The file may be a pipe, which can be written where nothing else can. */
function effect(what: string): void {
  if (effects === '-') return;
  const file = openSync(effects, constants.O_WRONLY | constants.O_APPEND);
  try {
    writeSync(file, `${JSON.stringify(what)}\n`);
  } finally {
    closeSync(file);
  }
}

const behaviour = behaviourOf(kind);
const world = { effect, marker };
behaviour.start(world);
const receive = serve(behaviour, speaks as Speaks, world);
if (transport === '--http') overHttp(receive, effect);
else overStdio(receive);
