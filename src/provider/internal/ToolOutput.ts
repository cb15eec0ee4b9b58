/**
 * A tool's result as the text that a model reads.
 */
import * as Prompt from "effect/ai/Prompt"

/** The text of a result: what the tool gave for the model if it did, a text as it is, anything else as JSON. */
export const toPlainText = (part: Prompt.ToolResultPart): string => {
  if (part.modelOutput !== undefined) return Prompt.toolModelOutputToText(part.modelOutput)
  return typeof part.result === "string" ? part.result : JSON.stringify(part.result ?? null)
}

/** The same, but a failure becomes `{"error": …}`, for vendors that have no flag for it. */
export const toText = (part: Prompt.ToolResultPart): string =>
  part.isFailure && part.modelOutput === undefined
    ? JSON.stringify({ error: part.result ?? null })
    : toPlainText(part)
