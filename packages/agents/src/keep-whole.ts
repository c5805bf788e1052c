import { toJsonText, type StepScope, type ToolOutput } from '@prusik/core';

/** Of a larger one only what the model is shown is kept: it would be held in memory twice. */
const KEPT_LIMIT = 16 * 1_048_576;

/**
 * The output with the name of its whole, where it was cut: a blob that lives as long as the message. What cannot be kept (it is too large, or the
 * store has no room) is cut all the same: the tool has run, and a result with a hole is better than none.
 */
export async function keepWhole(
  value: unknown,
  output: ToolOutput,
  step: Pick<StepScope, 'putBlob'>,
): Promise<ToolOutput> {
  if (output.type !== 'text' || output.text === value) return output;
  const bytes = wholeOf(value);
  if (bytes === undefined) return output;
  try {
    const { hash } = await step.putBlob(bytes);
    const mediaType = typeof value === 'string' ? 'text/plain' : 'application/json';
    const text = `${output.text}\n[The whole result, ${bytes.length} bytes, is kept as ${hash}]`;
    return { ...output, text, whole: { blob: hash, bytes: bytes.length, mediaType } };
  } catch {
    return output;
  }
}

function wholeOf(value: unknown): Buffer | undefined {
  try {
    // A text has at least as many bytes as characters.
    if (typeof value === 'string' && value.length > KEPT_LIMIT) return undefined;
    const bytes = Buffer.from(typeof value === 'string' ? value : toJsonText(value, KEPT_LIMIT).text);
    return bytes.length > KEPT_LIMIT ? undefined : bytes;
  } catch {
    return undefined;
  }
}
