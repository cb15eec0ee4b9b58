/**
 * `fluxion resume-open`: takes up the executions that are open, and ends when none is that could go on by itself.
 */
import * as Effect from "effect/Effect"
import * as Execution from "../durable/Execution.ts"
import type { State } from "../durable/Journal.ts"
import * as Ending from "./Ending.ts"
import { fail, type Why } from "./Failure.ts"
import * as Host from "./Host.ts"
import * as Output from "./Output.ts"
import * as ProgramFile from "./ProgramFile.ts"
import * as Settings from "./Settings.ts"
import * as Store from "./Store.ts"
import * as View from "./View.ts"

const open: ReadonlyArray<State> = ["queued", "running", "sleeping", "waiting", "paused"]

const allOpen = Effect.gen(function*() {
  const all: Array<Execution.Info> = []
  let cursor: string | undefined
  do {
    const page = yield* Execution.list({ states: open, limit: 1_000, cursor })
    all.push(...page.executions)
    cursor = page.next
  } while (cursor !== undefined)
  return all
})

/** Waits for somebody, itself or in an execution that it has started: nothing happens until they answer. */
const isStill = (info: Execution.Info) =>
  info.state === "paused"
    ? Effect.succeed(true)
    : info.state === "waiting"
    ? Effect.map(Execution.pending(info.id), (pending) => pending.length > 0)
    : Effect.succeed(false)

const severity: ReadonlyArray<Why> = ["failed", "cancelled", "paused", "done"]

export const run = ({ files }: { readonly files: ReadonlyArray<string> }) =>
  Effect.gen(function*() {
    const isJson = yield* Settings.Json
    const program = yield* ProgramFile.open(files)
    const host = yield* Host.of(program)
    const { database } = host
    const known = new Map(program.units.map(({ workflow }) => [`${workflow.name}@${workflow.version}`, workflow]))
    const called = ({ version, workflow }: Execution.Info) => `${workflow}@${version}`

    const tell = Effect.fnUntraced(function*(id: string) {
      const settled = yield* Execution.settled(id)
      const name = called(settled.info)
      const report = yield* Ending.report(settled, database, known.get(name))
      const { advice, error, pending, result, state, why } = report
      if (isJson) yield* Output.json({ execution: id, workflow: name, state, result, error, pending })
      else {
        yield* Output.out(
          `${id}  ${name}  ${state}${error === undefined ? "" : `: ${error}`}`
            + `${result === undefined ? "" : `  ${View.short(result)}`}`
        )
        for (const line of advice) yield* Output.note(line)
      }
      return why
    })

    const work = Effect.gen(function*() {
      const ends = new Map<string, Why>()
      const left = new Set<string>()
      let seen = new Set<string>()
      for (;;) {
        const all = yield* allOpen
        const ours: Array<Execution.Info> = []
        for (const info of all) {
          if (known.has(called(info))) ours.push(info)
          else if (!left.has(info.id)) {
            left.add(info.id)
            yield* Output.note(
              `${info.id} is open, and ${called(info)} is not in ${program.files.join(", ")}: it is left`
            )
          }
        }
        for (const id of seen) {
          if (!ours.some((info) => info.id === id)) ends.set(id, yield* tell(id))
        }
        seen = new Set(ours.map(({ id }) => id))
        const still = yield* Effect.filter(ours, isStill)
        if (still.length === ours.length) {
          for (const { id } of still) ends.set(id, yield* tell(id))
          return ends
        }
        yield* Effect.sleep(all.length > 1_000 ? "2 seconds" : "200 millis")
      }
    })
    const ends = yield* Store.run(database, host.layer, work).pipe(
      Effect.onInterrupt(() =>
        Output.note(
          `interrupted; what is open goes on with: ${View.command("resume-open", ...files, ...Store.words(database))}`
        )
      )
    )
    if (ends.size === 0 && !isJson) yield* Output.note("nothing is open")
    const why = severity.find((why) => [...ends.values()].includes(why))
    // each was told with its line
    if (why !== undefined && why !== "done") return yield* fail(why, "")
  })
