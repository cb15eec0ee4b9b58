/**
 * An agent: instructions, perhaps tools, and a model that is given from outside. Calling it gives an Effect of the answer.
 *
 *   npm run example 02
 *   npm run example 02 -- --model ollama/llama3.2
 */
import { Console, Effect } from "effect"
import { Prompt } from "effect/ai"
import { Agent } from "fluxion"
import * as ChosenModel from "./ChosenModel.ts"

const guide = Agent.make("guide", {
  instructions: "You answer questions about geography in one sentence.",
  maxTokens: 500
})

const program = Effect.gen(function*() {
  // the answer
  yield* Console.log(yield* guide("What is the capital of France?"))

  // the answer and how it came about; `history` goes on from an earlier run, `context` is background
  const first = yield* guide.result("And of Peru?", { context: "The user plans a journey." })
  yield* Console.log(`finish: ${first.finish}, turns: ${first.turns}, messages: ${first.messages.length}`)
  const second = yield* guide.result("How many people live there?", { history: Prompt.fromMessages(first.messages) })
  yield* Console.log(`finish: ${second.finish}, turns: ${second.turns}, messages: ${second.messages.length}`)

  // what can go wrong is one typed error, with a reason
  const failed = yield* Effect.flip(guide(""))
  yield* Console.log(`${failed.reason._tag}: ${failed.message}`)
})

await Effect.runPromise(program.pipe(Effect.provide(ChosenModel.layer)))
