/**
 * `npm start`: an assistant that knows what time it is in any city, and keeps notes.
 *
 *   npm start                                     asks a question that takes all tools
 *   npm start -- "What time is it in Lima?"       asks yours
 *   npm start -- --model ollama/llama3.2 "…"      asks a real model; FLUXION_MODEL names one for good
 *
 * It shows the question, the tools called with arguments and results, the text as it comes, and the usage.
 */
import { Cause, Console, Effect, Exit, Fiber, Layer, Logger, References } from "effect"
import { Agent } from "fluxion"
import { parseArgs } from "node:util"
import * as ChosenModel from "./ChosenModel.ts"
import { localTime } from "./LocalTime.ts"
import { addNote, listNotes, Notes } from "./Notes.ts"

const defaultQuestion = `What time is it in Tokyo and in New York? Note "call Kenji tomorrow", then list my notes.`

const usage = `npm start -- [--model provider/name] ["a question"]`

const assistant = Agent.make("assistant", {
  instructions: "You tell the time and keep notes. Use the tools; never guess a time. Answer briefly, in plain text.",
  tools: [localTime, addNote, listNotes],
  // who waits at a terminal is told at once that nobody answers, or that the key is wrong
  modelRetry: {
    times: 2,
    while: ({ reason }) => reason._tag === "RateLimitError" || reason._tag === "InternalProviderError"
  }
})

const main = (question: string, model: string | undefined) =>
  Console.log(`You: ${question}\n`).pipe(
    Effect.andThen(Agent.print(assistant.stream(question))),
    Effect.provide(Layer.merge(ChosenModel.of(model), Notes.layer(".fluxion/notes.db"))),
    Effect.provide(Logger.layer([Logger.withConsoleError(Logger.formatSimple)])), // standard output is the transcript's
    Effect.provideService(References.MinimumLogLevel, "Warn")
  )

/** The question and the model of the command line; ends the program when it cannot be read. */
const readArgs = (): { readonly question: string; readonly model: string | undefined } => {
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: { model: { type: "string" }, help: { type: "boolean", short: "h" } }
    })
    if (values.help === true) {
      console.log(usage)
      process.exit(0)
    }
    const question = positionals.length === 0 ? defaultQuestion : positionals.join(" ")
    if (question.trim() === "") throw new Error("the question is empty")
    return { question, model: values.model ?? ChosenModel.name([]) }
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message.split(". ")[0] : error}; use: ${usage}`)
    process.exit(2)
  }
}

// whoever reads the output may stop reading it: `npm start | head -1`
process.stdout.on("error", () => process.exit(0))

const { model, question } = readArgs()
const fiber = Effect.runFork(main(question, model))
const interrupt = () => void Effect.runFork(Fiber.interrupt(fiber))
process.once("SIGINT", interrupt).once("SIGTERM", interrupt)

const exit = await Effect.runPromise(Fiber.await(fiber))
if (Exit.isFailure(exit)) {
  if (Cause.hasInterruptsOnly(exit.cause)) process.exitCode = 130
  else ChosenModel.report(Cause.squash(exit.cause))
}
