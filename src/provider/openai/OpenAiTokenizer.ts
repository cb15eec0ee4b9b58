/**
 * Counts tokens as OpenAI's models do, with the package `gpt-tokenizer` where it is installed.
 */
import * as Effect from "effect/Effect"

type Count = (text: string) => number

/** The models before `gpt-4o`; all later ones have the other encoding. */
const isOld = (model: string): boolean => /^gpt-(3\.5|4(?![o.]))/.test(model)

const loaded = new Map<boolean, Promise<Count | undefined>>()

// texts may have what stands for a special token: it is text
const asText = { disallowedSpecial: new Set<string>() }

const load = (old: boolean): Promise<Count | undefined> => {
  let count = loaded.get(old)
  if (count === undefined) {
    count = (old ? import("gpt-tokenizer/encoding/cl100k_base") : import("gpt-tokenizer/encoding/o200k_base")).then(
      ({ countTokens }): Count => (text) => countTokens(text, asText),
      () => undefined
    )
    loaded.set(old, count)
  }
  return count
}

/** The tokenizer of a model; `undefined` where the package is not there. */
export const of = (model: string): Effect.Effect<Count | undefined> => Effect.promise(() => load(isOld(model)))
