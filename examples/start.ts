/**
 * `npm start`: the desk of a shop answers a question, with tools and a typed answer; then its process is killed in the
 * middle of it, and another one goes on.
 *
 *   npm start                                     three acts, offline
 *   npm start -- "What time is it in Lima?"       asks your question: the first act alone
 *   npm start -- --model ollama/llama3.2 "…"      asks a real model; FLUXION_MODEL names one for good
 */
import { Console, Effect, Layer, Schema } from "effect"
import { Agent } from "fluxion"
import { parseArgs } from "node:util"
import * as ChosenModel from "./ChosenModel.ts"
import * as Acts from "./crash/Acts.ts"
import * as DemoModel from "./DemoModel.ts"
import { Answer, Bank, desk, question as defaultQuestion } from "./Desk.ts"
import * as Main from "./Main.ts"
import { Notes } from "./Notes.ts"

const usage = `npm start -- [--model provider/name] ["a question"]`

const ask = (question: string, model: string | undefined) =>
  Effect.gen(function*() {
    yield* Console.log(`You: ${question}\n`)
    if (model === undefined) yield* Console.log(`${DemoModel.notice}\n`)
    const result = yield* Agent.print(desk.stream(question))
    const { refunds } = result.output // typed: numbers are numbers
    if (refunds.length > 0) {
      yield* Console.log(`refunded: ${refunds.reduce((sum, { euros }) => sum + euros, 0)} euros`)
    }
    return result
  }).pipe(
    Effect.provide(
      Layer.mergeAll(ChosenModel.of(model), Bank.layer(".fluxion/ledger.jsonl"), Notes.layer(".fluxion/notes.db"))
    )
  )

const threeActs = Effect.gen(function*() {
  yield* Console.log("1. A question, tools, a typed answer\n")
  const { output, toolCalls, turns } = yield* ask(defaultQuestion, undefined)
  const answer = JSON.stringify(yield* Schema.encodeEffect(Answer)(output))
  yield* Acts.secondAndThird({ answer, steps: turns + toolCalls })
  yield* Console.log(`
A real model:    npm start -- --model ollama/llama3.2
More deaths:     npm run demo:crash -- --kill 20
What it is:      README.md; what is exactly once, and what is not: docs/exactly-once.md`)
})

/** The question and the model of the command line; ends the program when it cannot be read. */
const readArgs = (): { readonly question: string | undefined; readonly model: string | undefined } => {
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: { model: { type: "string" }, help: { type: "boolean", short: "h" } }
    })
    if (values.help === true) {
      console.log(usage)
      process.exit(0)
    }
    const question = positionals.length === 0 ? undefined : positionals.join(" ")
    if (question?.trim() === "") throw new Error("the question is empty")
    return { question, model: values.model ?? ChosenModel.name([]) }
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message.split(". ")[0] : error}; use: ${usage}`)
    process.exit(2)
  }
}

const { model, question } = readArgs()
await Main.run(question === undefined && model === undefined ? threeActs : ask(question ?? defaultQuestion, model))
