/**
 * `fluxion chat`: talks with an agent. Each message is an execution on one conversation, which is in the database and
 * still there tomorrow.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { createInterface } from "node:readline"
import { Conversations } from "../agent/Conversations.ts"
import * as Execution from "../durable/Execution.ts"
import * as Ending from "./Ending.ts"
import { fail } from "./Failure.ts"
import * as Host from "./Host.ts"
import * as Output from "./Output.ts"
import * as ProgramFile from "./ProgramFile.ts"
import * as Settings from "./Settings.ts"
import * as Store from "./Store.ts"

/** Who is talked with, and where. */
export interface Input {
  readonly file: string
  readonly name: Option.Option<string>
  readonly conversation: string
}

/** The lines that somebody writes, one when it is asked for; nothing at the end. */
const reader = Effect.acquireRelease(
  Effect.sync(() => {
    const isTerminal = Output.isTerminal("stdout") && process.stdin.isTTY === true
    const lines: Array<string> = []
    let isOver = false
    let wake: (() => void) | undefined
    const input = createInterface({ input: process.stdin, output: process.stderr, terminal: isTerminal, prompt: "> " })
    input.on("line", (line) => {
      lines.push(line)
      wake?.()
    })
    input.on("close", () => {
      isOver = true
      wake?.()
    })
    // in a terminal's raw mode Ctrl-C is a key
    input.on("SIGINT", () => process.kill(process.pid, "SIGINT"))
    const next = Effect.callback<string | undefined>((resume) => {
      const look = () => {
        const line = lines.shift()
        if (line === undefined && !isOver) return
        wake = undefined
        resume(Effect.succeed(line))
      }
      wake = look
      if (isTerminal && !isOver && lines.length === 0) input.prompt()
      look()
      return Effect.sync(() => (wake = undefined))
    })
    return { input, next }
  }),
  ({ input }) => Effect.sync(() => input.close())
)

export const run = ({ conversation, file, name }: Input) =>
  Effect.gen(function*() {
    const isJson = yield* Settings.Json
    const program = yield* ProgramFile.open([file])
    const agents = program.units.filter(({ agent }) => agent !== undefined)
    if (agents.length === 0) return yield* fail("usage", `${file} exports no agent; a chat is with one`)
    const unit = yield* ProgramFile.find({ ...program, units: agents }, Option.getOrUndefined(name))
    const { workflow } = unit
    const host = yield* Host.of({ ...program, units: [unit] })
    const { database } = host

    const say = Effect.fnUntraced(function*(instruction: string) {
      const execution = yield* workflow.start({ instruction, conversation })
      let isMidLine = false
      let shown = ""
      const isLive = !isJson && Output.isTerminal("stdout")
      yield* Stream.runForEach(Execution.events(execution, { until: "pause" }), ({ event }) => {
        if (!isLive || event._tag !== "TextDelta") return Effect.void
        shown += event.delta
        isMidLine = true
        return Output.write("stdout", event.delta)
      })
      if (isMidLine) yield* Output.out("")
      const report = yield* Ending.report(yield* Execution.settled(execution), database, workflow)
      const hasShown = (text: string) => isLive && shown.endsWith(text)
      yield* Ending.conclude(execution, report, { isJson, hasShown }).pipe(
        // whoever sits there may ask in another way; a script is told by the exit code
        Effect.catch((failure) => process.stdin.isTTY === true ? Output.note(failure.line) : Effect.fail(failure))
      )
    })

    const chat = Effect.gen(function*() {
      const { messages } = yield* Effect.flatMap(Conversations, (store) => store.history(conversation))
      yield* Output.note(
        `${unit.name}, conversation ${conversation}${
          messages.length === 0 ? "" : `, ${messages.length} messages so far`
        }`
          + (process.stdin.isTTY === true ? "; end with Ctrl-D" : "")
      )
      const { next } = yield* reader
      for (;;) {
        const line = yield* next
        if (line === undefined) return
        if (line.trim() !== "") yield* say(line)
      }
    })
    yield* Store.run(database, host.layer, Effect.scoped(chat))
  })
