import { resolve } from 'node:path';
import { checkId } from '@prusik/core';
import { exportRun, exportSession, importRecords, type Redaction } from '@prusik/records';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { readLines } from '../read-lines.ts';
import { bytesText } from '../tell.ts';
import { oneOf, usage } from '../values.ts';
import { writeAll } from '../write-all.ts';

const REDACTIONS: readonly Redaction[] = ['secrets', 'content', 'none'];

export const exportRecords: Command = {
  summary: 'Write a run with its tree, or a session, as lines of JSON',
  operands: ['[RUN]'],
  options: {
    session: { type: 'string', value: 'ID', help: 'a session with all of its runs, in place of RUN' },
    out: { type: 'string', value: 'FILE', help: 'a new file (default: stdout)' },
    redact: { type: 'string', value: 'HOW', help: `${REDACTIONS.join(', ')} (default: secrets)` },
  },
  notes: [
    'secrets: without what looks like credentials, which is a net and no promise. content: no text that somebody said, made or gave.',
    'none: everything as it is, with blobs; only such a file holds all of it.',
  ],
  async run({ io, tell, tenant, open, keyOf, operand, operands, values }) {
    const session = values.text('session');
    if ((session === undefined) === (operands() === 0))
      throw usage('prusik export needs RUN or --session ID, one of them');
    const { store } = open();
    const redact = oneOf('--redact', values.text('redact') ?? 'secrets', REDACTIONS);
    const how = { redact, signal: io.signal };
    const lines =
      session === undefined
        ? exportRun(store, keyOf(operand(0)), how)
        : exportSession(store, { tenant, session: checkId('session', session) }, how);
    const out = values.text('out');
    const to = out === undefined ? undefined : resolve(io.cwd, out);
    const bytes = await writeAll(lines, to, io);
    if (to !== undefined) tell.thing('export', { to, bytes, redact }, [`Exported ${bytesText(bytes)} to ${to}`]);
    return EXIT.ok;
  },
};

export const importFile: Command = {
  summary: 'Read what was exported: ended runs and closed sessions, as records',
  operands: ['FILE'],
  options: { into: { type: 'string', value: 'TENANT', help: 'whose it is to be (default: as in the file)' } },
  notes: [
    'Everything is looked at before the first write, and nothing is overwritten. The same import again changes nothing.',
  ],
  async run({ io, tell, open, operand, values }) {
    const path = resolve(io.cwd, operand(0));
    if (values.text('tenant') !== undefined)
      throw usage('prusik import takes the tenant of the file, or --into TENANT');
    const into = values.text('into');
    const done = await importRecords(open().store, readLines(path, io.signal), {
      signal: io.signal,
      ...(into === undefined ? {} : { into }),
    });
    const id = 'run' in done.key ? `run ${done.key.run}` : `session ${done.key.session}`;
    tell.thing('import', done, [
      done.outcome === 'existing'
        ? `Nothing to do: ${id} was here before`
        : `Imported ${id}${done.redacted ? ', which is redacted' : ''}; runs: ${done.runs.imported}, blobs: ${done.blobs}`,
    ]);
    return EXIT.ok;
  },
};
