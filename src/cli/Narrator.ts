/**
 * Shows an execution while it runs: lines anywhere, and on a terminal the text as it comes and what is under way now.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type ExecutionEvent, Progress } from "../core/ExecutionEvent.ts"
import { Recorded } from "../core/JournalEvent.ts"
import * as Output from "./Output.ts"
import * as View from "./View.ts"

/** Shows events. */
export interface Narrator {
  readonly show: (event: ExecutionEvent) => Effect.Effect<void>
  /** Says something between events. */
  readonly say: (line: string) => Effect.Effect<void>
  /** Whether this very text has just been shown, to whoever would read the result. */
  readonly hasShown: (text: string) => boolean
}

const encodeRecorded = Schema.encodeSync(Schema.toCodecJson(Recorded))
const encodeProgress = Schema.encodeSync(Schema.toCodecJson(Progress))

/** An event as JSON. */
export const toJson = (event: ExecutionEvent): unknown =>
  event.sequence === undefined ? { event: encodeProgress(event.event) } : encodeRecorded(event)

const json: Narrator = {
  show: (event) => Output.json(toJson(event)),
  say: () => Effect.void,
  hasShown: () => false
}

const plain: Narrator = {
  show: (event) => {
    const line = View.line(event)
    return line === undefined || event.event._tag === "StateChanged" ? Effect.void : Output.note(line)
  },
  say: Output.note,
  hasShown: () => false
}

const frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
const clear = "\r\u001b[K"

const live = Effect.gen(function*() {
  let text = ""
  let isMidLine = false
  let status: { readonly what: string; readonly since: number } | undefined
  let isDrawn = false
  let frame = 0

  const wipe = Effect.suspend(() => {
    if (!isDrawn) return Effect.void
    isDrawn = false
    return Output.piece(clear)
  })
  const draw = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    if (status === undefined || isMidLine) return Effect.void
    isDrawn = true
    const seconds = Math.floor((now - status.since) / 1000)
    const line = `${frames[frame++ % frames.length]} ${status.what}${seconds === 0 ? "" : ` ${seconds} s`}`
    return Output.piece(`${clear}${Output.colour("dim", line.slice(0, Output.width() - 1))}`)
  })
  yield* Effect.forkScoped(Effect.repeat(draw, Schedule.spaced("100 millis")))
  yield* Effect.addFinalizer(() => wipe)

  const endLine = Effect.suspend(() => {
    if (!isMidLine) return wipe
    isMidLine = false
    return Output.piece("\n")
  })
  const say = (line: string) => Effect.andThen(endLine, Output.note(line))
  const add = (delta: string) =>
    Effect.andThen(
      isMidLine ? Effect.void : wipe,
      Effect.suspend(() => {
        text += delta
        isMidLine = !delta.endsWith("\n")
        return Output.piece(delta)
      })
    )

  const show = Effect.fnUntraced(function*(shown: ExecutionEvent) {
    const { event } = shown
    switch (event._tag) {
      case "TurnStarted":
        text = ""
        status = { what: event.model, since: yield* Clock.currentTimeMillis }
        return
      case "TextDelta":
        return yield* add(event.delta)
      case "Gap":
        yield* endLine
        text = ""
        return yield* add(event.text)
      case "StateChanged":
        return
      case "StepStarted":
        if (event.name === "model") return
        status = { what: event.name, since: yield* Clock.currentTimeMillis }
        break
      case "StepCompleted":
        status = undefined
        // its text was shown as it came, and its calls are steps
        if (/\/model:[^/]*$/.test(event.key)) return
    }
    const line = View.line(shown)
    if (line !== undefined) yield* say(Output.colour("dim", line))
  })
  const narrator: Narrator = {
    show,
    say,
    hasShown: (result) => Output.isTerminal("stdout") && text.trim() === result.trim()
  }
  return { ...narrator, end: endLine }
})

/** A narrator for whoever watches. */
export const make = (isJson: boolean): Effect.Effect<Narrator, never, Scope.Scope> => {
  if (isJson) return Effect.succeed(json)
  if (!Output.isTerminal("stderr")) return Effect.succeed(plain)
  return Effect.flatMap(live, ({ end, ...narrator }) => Effect.as(Effect.addFinalizer(() => end), narrator))
}
