/** Sequences that move a terminal's cursor, colour its text or set its title. */
const SEQUENCES =
  // oxlint-disable-next-line no-control-regex -- control characters are what is removed
  /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
// oxlint-disable-next-line no-control-regex -- control characters are what is replaced
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;
/** What shows text in another order than it is read in, and characters that models read and nobody sees. */
const INVISIBLE = /[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\u{e0000}-\u{e01ef}]/gu;
/** All of them, for text that is well formed. By code units, which takes two thirds of the time: texts of results are long. */
const ANY =
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]|\udb40[\udc00-\uddef]/;

/** What somebody else wrote, so that a person sees what a model reads. */
export function visibleText(text: string): string {
  const whole = text.toWellFormed();
  if (!ANY.test(whole)) return whole;
  return whole.replaceAll(SEQUENCES, '').replaceAll(CONTROLS, '\uFFFD').replaceAll(INVISIBLE, '');
}

/** Whether there is nothing in it that nobody sees, or that is no text. */
export const isVisible = (text: string): boolean => text.isWellFormed() && !ANY.test(text);
