import { createHash, randomInt } from 'node:crypto';

/**
 * What is planted, by what it is, and who has to have had it, since of an app that does nothing no leak is found: the journal, one of those whom the app
 * talks to, whoever `sent` it to the app, or the `app` itself where it was thrown.
 */
export const KINDS = {
  prompt: 'model',
  instructions: 'model',
  userContext: 'journal',
  turnContext: 'model',
  reply: 'journal',
  reasoning: 'journal',
  runInput: 'journal',
  runOutput: 'journal',
  toolInput: 'journal',
  toolResult: 'model',
  toolError: 'model',
  workflowError: 'journal',
  authorCode: 'journal',
  authorMeta: 'journal',
  signalBody: 'journal',
  artifact: 'journal',
  artifactTitle: 'journal',
  attachmentName: 'journal',
  attachment: 'model',
  madeUpTool: 'journal',
  fileName: 'journal',
  fileContent: 'model',
  command: 'journal',
  sessionState: 'journal',
  note: 'journal',
  logLine: 'journal',
  requestBody: 'journal',
  answer: 'model',
  decisionReason: 'journal',
  cancelReason: 'journal',
  stepKey: 'journal',
  mcpInput: 'stdio server',
  mcpResult: 'model',
  mcpDescription: 'model',
  httpInput: 'http server',
  httpResult: 'model',
  providerMessage: 'journal',
  modelError: 'journal',
  /** Of the program's code around runs: policies, hooks, live objects, observers. Nobody has to hear them. */
  accessError: 'app',
  hookError: 'app',
  depsError: 'app',
  disposeError: 'app',
  checkError: 'app',
  observerError: 'app',
  loggerError: 'app',
  baggage: 'app',
  chatBody: 'app',
  folder: 'app',
  shapedSecret: 'journal',
  // What belongs to nobody but the one it is sent to: not even whoever holds an error, or the store, sees it.
  environment: 'stdio server',
  madeEnvironment: 'stdio server',
  mcpHeader: 'http server',
  mcpBody: 'sent',
  providerKey: 'provider',
  providerHeader: 'provider',
  providerQuery: 'provider',
  answeredHeader: 'sent',
  answeredBody: 'sent',
  processEnvironment: 'app',
} as const;

export type Kind = keyof typeof KINDS;
/** A word of each kind, that nothing but chance has made: no shape of a secret gives it away. */
export type Words = Readonly<Record<Kind, string>>;

/** Of them not even errors and the journal may tell. */
export const SECRETS: readonly Kind[] = [
  'environment',
  'madeEnvironment',
  'mcpHeader',
  'providerKey',
  'providerHeader',
  'providerQuery',
  'answeredHeader',
  'answeredBody',
  'processEnvironment',
];

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const LENGTH = 16;

export function newWords(): Words {
  const word = (): string => Array.from({ length: LENGTH }, () => LETTERS[randomInt(LETTERS.length)]).join('');
  return Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, word()])) as Words;
}

/** Forms in which a word may leave. Halves, since a text may be cut, and so may a word that two records share. */
function formsOf(word: string): readonly RegExp[] {
  const bytes = Buffer.from(word);
  const half = LENGTH / 2;
  // Who can guess a text confirms it by its hash.
  const hashes = [word, JSON.stringify(word)].map((text) => createHash('sha256').update(text).digest('hex'));
  const plain = [word.slice(0, half), word.slice(half), bytes.toString('hex'), ...hashes];
  const spelt = [...bytes].map((byte) => byte.toString(16));
  const escaped = [spelt.map((hex) => `%${hex}`).join(''), spelt.map((hex) => `\\\\u00${hex}`).join('')];
  // The letters of base64 that no neighbour of the word has a part in, at each of the three places where it may begin.
  const coded = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64url');
    return new RegExp(text.slice(shift === 0 ? 0 : shift + 1, Math.floor(((shift + LENGTH) * 8) / 6)), 'u');
  });
  return [...[...plain, ...escaped].map((text) => new RegExp(text, 'iu')), ...coded];
}

/** Finds planted words in texts. */
export function createSearch(words: Words): (text: string) => readonly Kind[] {
  const forms = Object.entries(words).map(([kind, word]) => [kind as Kind, formsOf(word)] as const);
  return (text) => forms.flatMap(([kind, list]) => (list.some((form) => form.test(text)) ? [kind] : []));
}
