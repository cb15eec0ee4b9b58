/**
 * Streaming: `agent.stream` is the run itself, as events. Nothing is lost; who stops pulling, stops the run.
 *
 *   npm run example 04
 *   npm run example 04 -- --model ollama/llama3.2
 */
import { Console, Effect, Schema, Stream } from "effect"
import { Agent, Progress, Task } from "fluxion"
import * as ChosenModel from "./ChosenModel.ts"

const download = Task.make("download", {
  description: "Downloads a file.",
  payload: { file: Schema.String },
  success: Schema.String,
  run: Effect.fnUntraced(function*({ file }) {
    for (const percent of [50, 100]) yield* Progress.emit({ percent }) // shown while it runs, never stored
    return `${file}: 12 kB`
  })
})

const assistant = Agent.make("assistant", { instructions: "You fetch files.", tools: [download] })

const program = Effect.gen(function*() {
  // every event, by its tag
  yield* assistant.stream(`Download "report.pdf"`).pipe(
    Stream.runForEach((event) => {
      switch (event._tag) {
        case "ToolCalled":
          return Console.log(event._tag, event.name, event.arguments)
        case "ToolProgress":
          return Console.log(event._tag, event.value)
        case "ToolReturned":
          return Console.log(event._tag, event.result)
        case "RunCompleted":
          return Console.log(event._tag, event.result.output)
        default:
          return Effect.void
      }
    })
  )

  // only the text, as it comes; here the first pieces of it, then the run is dropped
  const pieces = yield* Agent.text(assistant.stream("Who wrote Hamlet?")).pipe(Stream.take(4), Stream.runCollect)
  yield* Console.log(pieces)
})

await Effect.runPromise(program.pipe(Effect.provide(ChosenModel.layer)))
