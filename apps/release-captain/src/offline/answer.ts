/** What a rule decides next: look something up, or hand in. */
export type Answer = { readonly calls: readonly ToolCall[] } | { readonly json: unknown };

interface ToolCall {
  readonly tool: string;
  readonly input: unknown;
}
