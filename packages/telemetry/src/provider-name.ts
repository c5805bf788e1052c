/** What providers of the AI SDK are called there → their well-known values. The longest fitting beginning counts. */
const KNOWN: readonly (readonly [ours: string, theirs: string])[] = [
  ['google.vertex', 'gcp.vertex_ai'],
  ['google-vertex', 'gcp.vertex_ai'],
  ['vertex', 'gcp.vertex_ai'],
  ['google.generative-ai', 'gcp.gemini'],
  ['google', 'gcp.gemini'],
  ['amazon-bedrock', 'aws.bedrock'],
  ['bedrock', 'aws.bedrock'],
  ['azure', 'azure.ai.openai'],
  ['openai', 'openai'],
  ['anthropic', 'anthropic'],
  ['mistral', 'mistral_ai'],
  ['moonshotai', 'moonshot_ai'],
  ['xai', 'x_ai'],
  ['cohere', 'cohere'],
  ['deepseek', 'deepseek'],
  ['groq', 'groq'],
  ['perplexity', 'perplexity'],
];

/** The value of `gen_ai.provider.name` for a provider of the AI SDK, such as `openai.responses`: the well-known one, or its own name up to the first dot. */
function providerName(provider: string): string {
  const known = KNOWN.find(([name]) => provider === name || provider.startsWith(`${name}.`));
  return known?.[1] ?? provider.split('.', 1)[0] ?? provider;
}

/** A model as steps name it, `provider/model`. One without a provider is a model all the same. */
export interface NamedModel {
  readonly provider: string;
  readonly model: string;
}

export function namedModel(name: string): NamedModel {
  const slash = name.indexOf('/');
  if (slash <= 0) return { provider: '_OTHER', model: name };
  return { provider: providerName(name.slice(0, slash)), model: name.slice(slash + 1) };
}
