// The sample app as its own process, on a model behind HTTP, that can end itself by SIGKILL at a chosen point.
import { appendFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import type { LanguageModelV4, LanguageModelV4StreamPart } from '@ai-sdk/provider';
import type { Sandbox, Store } from '@prusik/core';

const { KILL_MODEL_URL = '', KILL_AFTER_COMMIT, KILL_BEFORE_OUTCOME, KILL_IN_EXEC, KILL_EFFECTS = '' } = process.env;

let commits = 0;
const record = (what: string): void => appendFileSync(KILL_EFFECTS, `${what}\n`);
const die = (why: string): void => {
  record(`killed ${why}`);
  process.kill(process.pid, 'SIGKILL');
};

// The effect outside of the sandbox, counted where it happens.
const { rename } = fs;
fs.rename = async (from, to) => {
  if (String(to).endsWith('RELEASE_NOTES.md')) record('published');
  return rename(from, to);
};
syncBuiltinESMExports();

// After the patch above, so that what they import is what was patched.
const { runCli } = await import('../../src/cli/run-cli.ts');
const tools = await import('../../src/tools/git-tools.ts');

for (const tool of Object.values(tools)) {
  const execute = tool.execute as (input: unknown, scope: { run: { key: { run: string } }; callId: string }) => unknown;
  Object.assign(tool, {
    execute(input: unknown, scope: { run: { key: { run: string } }; callId: string }) {
      record(`tool ${scope.run.key.run} ${scope.callId}`);
      return execute(input, scope);
    },
  });
}

function wrapStore(store: Store): Store {
  return {
    ...store,
    async commit(commit) {
      const outcome = commit.entries.find((entry) => entry.type === 'step-end' && entry.key === KILL_BEFORE_OUTCOME);
      if (outcome !== undefined) die(`before the outcome of ${KILL_BEFORE_OUTCOME}`);
      const answer = await store.commit(commit);
      if (answer.outcome === 'committed') commits += 1;
      if (String(commits) === KILL_AFTER_COMMIT) die(`after commit ${commits}`);
      return answer;
    },
  };
}

function wrapSandbox(sandbox: Sandbox): Sandbox {
  let execs = 0;
  return {
    ...sandbox,
    async open(options) {
      const session = await sandbox.open(options);
      return {
        ...session,
        exec(...given) {
          execs += 1;
          const running = session.exec(...given);
          // The command has been started by then and takes some milliseconds to end.
          if (String(execs) === KILL_IN_EXEC) setTimeout(die, 2, `in exec ${execs}`);
          return running;
        },
      };
    },
  };
}

const model: LanguageModelV4 = {
  specificationVersion: 'v4',
  provider: 'loopback',
  modelId: 'rewording',
  supportedUrls: {},
  doGenerate: () => Promise.reject(new Error('This model only streams')),
  async doStream({ prompt, tools: offered, abortSignal }) {
    const response = await fetch(KILL_MODEL_URL, {
      method: 'POST',
      body: JSON.stringify({ prompt, tools: offered }),
      ...(abortSignal ? { signal: abortSignal } : {}),
    });
    const parts = (await response.json()) as LanguageModelV4StreamPart[];
    return { stream: ReadableStream.from(parts) as ReadableStream<LanguageModelV4StreamPart> };
  },
};

const { stdin, stdout, stderr, env } = process;
process.exitCode = await runCli(
  process.argv.slice(2),
  { stdin, stdout, stderr, env, cwd: process.cwd(), signal: new AbortController().signal },
  { wording: { model, writtenBy: 'Written by a model of a test.' }, wrapStore, wrapSandbox },
);
record(`commits ${commits}`);
