/**
 * `fluxion run`: an execution of a workflow or an agent of a file, from its id to its result.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import * as Execution from "../durable/Execution.ts"
import * as Ending from "./Ending.ts"
import { fail, type Failure } from "./Failure.ts"
import * as Host from "./Host.ts"
import * as Narrator from "./Narrator.ts"
import * as Output from "./Output.ts"
import * as ProgramFile from "./ProgramFile.ts"
import * as Settings from "./Settings.ts"
import * as Store from "./Store.ts"
import * as View from "./View.ts"

/** What is run. */
export interface Input {
  readonly file: string
  readonly name: Option.Option<string>
  readonly input: Option.Option<string>
  readonly id: Option.Option<string>
  readonly detach: boolean
}

const parse = (text: string): Option.Option<unknown> => {
  try {
    return Option.some(JSON.parse(text))
  } catch {
    return Option.none()
  }
}

const isPayload = (value: unknown): boolean => typeof value === "object" && value !== null && "instruction" in value

/** The payload of a unit, from JSON or text. */
export const payloadOf = (unit: ProgramFile.Unit, given: string | undefined): Effect.Effect<unknown, Failure> => {
  const parsed = given === undefined ? Option.none() : parse(given)
  const json = Option.getOrUndefined(parsed)
  if (unit.agent !== undefined && given === undefined) {
    return Effect.fail(fail("usage", `"${unit.name}" is an agent; say what it is to do: …, or {"instruction": "…"}`))
  }
  const encoded = unit.agent !== undefined && !isPayload(json)
    ? { instruction: given }
    : given === undefined
    ? {}
    : Option.isSome(parsed)
    ? json
    : given
  return Effect.mapError(
    Schema.decodeUnknownEffect(Schema.toCodecJson(unit.workflow.payload as Schema.Codec<unknown, unknown>), {
      errors: "all"
    })(encoded),
    (error) => {
      const noJson = given !== undefined && Option.isNone(parsed) ? "it is no JSON, and as text " : ""
      return fail("usage", `the input does not fit "${unit.name}": ${noJson}${error.message}`)
    }
  )
}

const readInput = (input: Option.Option<string>): Effect.Effect<string | undefined> =>
  Option.isSome(input) && input.value === "-"
    ? Effect.sync(() => readFileSync(0, "utf8").trim())
    : Effect.succeed(Option.getOrUndefined(input))

/** Has a process of its own go on with what is open. */
const goOnElsewhere = (file: string, host: Host.Host) =>
  Effect.sync(() => {
    const [script = ""] = process.argv.slice(1)
    spawn(process.execPath, [...process.execArgv, script, "resume-open", file], {
      detached: true,
      stdio: "ignore",
      env: { ...process.env, ...host.environment }
    }).unref()
  })

/** The command that goes on with an execution, and the one that watches it. */
const later = (file: string, id: string, database: string) => ({
  goOn: View.command("resume-open", file, ...Store.words(database)),
  watch: View.command("executions", "events", id, "--follow", ...Store.words(database))
})

export const run = ({ detach, file, id, input, name }: Input) =>
  Effect.gen(function*() {
    const isJson = yield* Settings.Json
    const program = yield* ProgramFile.open([file])
    const unit = yield* ProgramFile.find(program, Option.getOrUndefined(name))
    const { workflow } = unit
    const payload = yield* payloadOf(unit, yield* readInput(input))
    const host = yield* Host.of(program)
    const { database } = host
    const options = { id: Option.getOrUndefined(id) }
    let started: string | undefined

    const start = Effect.tap(workflow.start(payload, options), (execution) => {
      started = execution
      if (isJson) return Output.json({ execution })
      return detach ? Output.out(execution) : Output.note(`execution ${execution}`)
    })

    if (detach) {
      const execution = yield* Store.run(database, host.client, start)
      yield* goOnElsewhere(file, host)
      if (!isJson) yield* Output.note(`it runs in the background; watch it: ${later(file, execution, database).watch}`)
      return
    }

    const watch = Effect.gen(function*() {
      const execution = yield* start
      const narrator = yield* Narrator.make(isJson)
      yield* Stream.runForEach(Execution.events(execution, { until: "pause" }), narrator.show)
      const settled = yield* Execution.settled(execution)
      return { execution, narrator, report: yield* Ending.report(settled, database, workflow) }
    })
    const { execution, narrator, report } = yield* Store.run(database, host.layer, Effect.scoped(watch)).pipe(
      // when the engine has given it up
      Effect.onInterrupt(() =>
        started === undefined
          ? Effect.void
          : Output.note(`interrupted; execution ${started} goes on with: ${later(file, started, database).goOn}`)
      )
    )
    yield* Ending.conclude(execution, report, { isJson, hasShown: narrator.hasShown })
  })
