import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { HELP, parseCommand } from '../src/cli/arguments.ts';
import { createWording } from '../src/models.ts';
import { offlineAnswer, startChatServer, type Answer, type ChatServer } from './chat-server.ts';
import { cliWith, complaints } from './cli-process.ts';
import { createFixture, temporaryFolder, type Fixture } from './git-fixture.ts';

const disposables: (() => void | PromiseLike<void>)[] = [];
afterEach(async () => {
  for (const dispose of disposables.splice(0)) await dispose();
});

function repository(): Fixture {
  const made = createFixture();
  disposables.push(() => made[Symbol.dispose]());
  made.commit('feat: begin', { 'package.json': '{}', 'src/a.ts': 'a\n' });
  made.sh('tag', 'v1.0.0');
  made.commit('feat: add b', { 'src/b.ts': 'b\n' });
  made.commit('fix: mend a', { 'src/a.ts': 'A\n', 'docs/a.md': 'a\n' });
  return made;
}

function folder(): string {
  const path = temporaryFolder();
  disposables.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function server(answer: Answer): Promise<ChatServer> {
  const started = await startChatServer(answer);
  disposables.push(() => started[Symbol.asyncDispose]());
  return started;
}

const asks = (repo: string, { url }: ChatServer): readonly string[] =>
  `--repo ${repo} --yes --model openai-compatible:rules --base-url ${url}`.split(' ');

const NO_KEYS = { AI_GATEWAY_API_KEY: '', OPENAI_COMPATIBLE_API_KEY: '' };
const notesIn = (out: string): string => readFileSync(join(out, 'RELEASE_NOTES.md'), 'utf8');
const withoutLastLine = (notes: string): string => notes.trimEnd().split('\n').slice(0, -1).join('\n');

describe('AGT-7: release-captain with a model of one’s own', { timeout: 60_000 }, () => {
  it('writes the notes with a model behind an HTTP server, over its stream and its tool calls', async () => {
    const { folder: repo } = repository();
    const place = folder();
    const chat = await server(offlineAnswer);
    const model = ['--model', 'openai-compatible:rules:7b', '--base-url', `${chat.url}/`] as const;

    const offline = await cliWith(NO_KEYS, place, '--repo', repo, '--out', 'offline', '--yes');
    const result = await cliWith(NO_KEYS, place, '--repo', repo, '--out', 'out', '--yes', ...model);

    expect(offline.code).toBe(0);
    expect(complaints(result)).toEqual([]);
    expect(result.code).toBe(0);
    const notes = notesIn(join(place, 'out'));
    expect(withoutLastLine(notes)).toBe(withoutLastLine(notesIn(join(place, 'offline'))));
    expect(notes.trimEnd().split('\n').at(-1)).toContain('Written by the language model rules:7b');
    const [first] = chat.requests;
    expect(first?.body).toMatchObject({
      model: 'rules:7b',
      stream: true,
      response_format: { type: 'json_schema' },
      tools: [{ function: { name: 'list_commits' } }, { function: { name: 'list_changed_files' } }],
    });
    expect(first?.headers).not.toHaveProperty('authorization');
    expect(chat.requests.some(({ body }) => body.messages.some(({ role }) => role === 'tool'))).toBe(true);
  });

  it('goes on with the model that the run was begun with, and with its key', async () => {
    const { folder: repo } = repository();
    const place = folder();
    const chat = await server(offlineAnswer);
    const key = { ...NO_KEYS, OPENAI_COMPATIBLE_API_KEY: 'key-1' };
    const model = ['--model', 'openai-compatible:rules', '--base-url', chat.url] as const;

    const stored = await cliWith(key, place, '--repo', repo, '--run-id', 'r', '--no-drive', ...model);
    expect(stored.code).toBe(0);
    expect(chat.requests).toHaveLength(0);
    const gone = await cliWith(key, place, '--run-id', 'r');
    const other = await cliWith(key, place, '--repo', repo, '--run-id', 'r', '--model', 'offline');

    expect(gone.code).toBe(0);
    expect(chat.requests.length).toBeGreaterThan(2);
    expect(chat.requests.every(({ headers }) => headers.authorization === 'Bearer key-1')).toBe(true);
    expect(other.code).toBe(11);
    const asked = chat.requests.length;
    const approved = await cliWith(NO_KEYS, place, 'approve', 'r');
    expect(approved.code).toBe(0);
    expect(notesIn(join(place, 'release-notes'))).toContain('language model rules');
    expect(chat.requests).toHaveLength(asked);
  });

  it('waits for a server that has no room for now, and goes on', async () => {
    const { folder: repo } = repository();
    const place = folder();
    const chat = await server((reply, body, number) =>
      number === 1 ? reply.fail(429, { 'retry-after': '1' }) : offlineAnswer(reply, body, number),
    );

    const result = await cliWith(NO_KEYS, place, ...asks(repo, chat));

    expect(result.code).toBe(0);
    expect(notesIn(join(place, 'release-notes'))).toContain('Add b');
  });

  it('fails with one line where the server is none', async () => {
    const { folder: repo } = repository();
    const place = folder();
    const chat = await server((reply) => reply.fail(401));

    const result = await cliWith(NO_KEYS, place, ...asks(repo, chat));

    expect(result.code).toBe(8);
    expect(result.stderr).toContain('MODEL_CALL_FAILED');
    expect(result.stderr).toContain('HTTP 401');
  });

  it('says at once which key is missing, and begins nothing', async () => {
    const { folder: repo } = repository();
    const place = folder();

    const result = await cliWith(NO_KEYS, place, '--repo', repo, '--model', 'gateway:acme/model-1');

    expect(result.code).toBe(2);
    expect(complaints(result)).toEqual([
      'error: gateway:acme/model-1 needs a key: set AI_GATEWAY_API_KEY to it (MODEL_KEY_MISSING)',
    ]);
    expect(readdirSync(place)).toEqual([]);
    expect(existsSync(join(place, 'release-notes'))).toBe(false);
  });

  it('uses the gateway with its key', () => {
    const { model, writtenBy } = createWording({ model: 'gateway:acme/model-1' }, { AI_GATEWAY_API_KEY: 'k' });

    expect(model).toMatchObject({ provider: 'gateway', modelId: 'acme/model-1' });
    expect(writtenBy).toContain('acme/model-1, through the AI Gateway');
  });

  it.each([
    [['--model', 'gpt'], /must be offline, gateway:ID or openai-compatible:NAME, not "gpt"/],
    [['--model', 'gateway:'], /needs an id/],
    [['--model', 'openai-compatible:x'], /needs --base-url/],
    [['--model', 'openai-compatible:', '--base-url', 'http://h/v1'], /needs a name/],
    [['--model', 'openai-compatible:x', '--base-url', 'file:///x'], /must be an http address/],
    [['--model', 'openai-compatible:x', '--base-url', 'http://u:p@h/v1'], /must hold no password/],
    [['--base-url', 'http://h/v1'], /goes with --model openai-compatible/],
    [['--model', 'gateway:a/b', '--base-url', 'http://h/v1'], /does not go with --model gateway/],
    [['show', '--model', 'offline'], /--model does not go with show/],
  ])('refuses %j', (args, message) => {
    expect(() => parseCommand(args, '/')).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringMatching(message) }),
    );
  });

  it('tells all of it in its help', () => {
    for (const word of [
      '--model MODEL',
      'gateway:ID',
      'AI_GATEWAY_API_KEY',
      'openai-compatible:NAME',
      '--base-url URL',
      'OPENAI_COMPATIBLE_API_KEY',
    ])
      expect(HELP).toContain(word);
  });
});
