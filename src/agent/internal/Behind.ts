/**
 * What stands behind a Model, by the identity of the service object, and only while its `generateText` and `streamText`
 * are the very functions that were registered: whoever wraps a Model is never bypassed.
 */
import type * as LanguageModel from "effect/ai/LanguageModel"

interface Registration<A> {
  readonly value: A
  readonly generateText: LanguageModel.LanguageModel["generateText"]
  readonly streamText: LanguageModel.LanguageModel["streamText"]
}

/** Remembers what stands behind Models. */
export class Behind<A> {
  readonly #registered = new WeakMap<LanguageModel.LanguageModel, Registration<A>>()

  register(model: LanguageModel.LanguageModel, value: A): void {
    this.#registered.set(model, { value, generateText: model.generateText, streamText: model.streamText })
  }

  of(model: LanguageModel.LanguageModel): A | undefined {
    const found = this.#registered.get(model)
    return found !== undefined && found.generateText === model.generateText && found.streamText === model.streamText
      ? found.value
      : undefined
  }
}
