/**
 * `fluxion executions`: what can be asked of executions, and done to them, in any process on their database.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { Engine } from "../durable/Engine.ts"
import * as Execution from "../durable/Execution.ts"
import type { State } from "../durable/Journal.ts"
import * as Ending from "./Ending.ts"
import { fail } from "./Failure.ts"
import * as Narrator from "./Narrator.ts"
import * as Output from "./Output.ts"
import * as ProgramFile from "./ProgramFile.ts"
import * as Settings from "./Settings.ts"
import * as Store from "./Store.ts"
import * as View from "./View.ts"

const use = <A, E, R>(effect: (database: string, isJson: boolean) => Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const isJson = yield* Settings.Json
    // which executions there are needs no program; where they are may be in its config
    const config = yield* ProgramFile.configIn(process.cwd())
    return yield* Store.use(config, (database) => effect(database, isJson))
  })

/** Which executions are listed. */
export interface List {
  readonly workflow: Option.Option<string>
  readonly state: ReadonlyArray<State>
  readonly from: Option.Option<Date>
  readonly before: Option.Option<Date>
  readonly limit: number
  readonly cursor: Option.Option<string>
}

export const list = ({ before, cursor, from, limit, state, workflow }: List) =>
  use((database, isJson) =>
    Effect.gen(function*() {
      const millis = (date: Option.Option<Date>) => Option.getOrUndefined(Option.map(date, (date) => date.getTime()))
      const page = yield* Execution.list({
        workflow: Option.getOrUndefined(workflow),
        states: state.length === 0 ? undefined : state,
        from: millis(from),
        before: millis(before),
        limit,
        cursor: Option.getOrUndefined(cursor)
      })
      if (isJson) return yield* Output.json(page)
      for (const line of Output.table(View.rows(page.executions))) yield* Output.out(line)
      if (page.executions.length === 0) yield* Output.note("there are none")
      if (page.next === undefined) return
      yield* Output.note(`more: ${View.command("executions", "list", "--cursor", page.next, ...Store.words(database))}`)
    })
  )

export const show = ({ id }: { readonly id: string }) =>
  use((database, isJson) =>
    Effect.gen(function*() {
      const info = yield* Execution.get(id)
      const open = ["queued", "running", "sleeping"].includes(info.state)
      const pending = yield* Execution.pending(id)
      const settled = open || (info.state === "waiting" && pending.length === 0)
        ? undefined
        : yield* Execution.settled(id)
      const report = settled && (yield* Ending.report(settled, database, undefined))
      if (isJson) {
        return yield* Output.json({ ...info, pending, result: report?.result, error: report?.error })
      }
      const rows: Array<ReadonlyArray<string>> = [
        ["execution", Output.printable(info.id)],
        ["workflow", `${info.workflow}@${info.version}`],
        ["state", info.state],
        ["started", `${View.time(info.createdAt)} UTC`],
        ["changed", `${View.time(info.updatedAt)} UTC`]
      ]
      if (info.owner !== null) rows.push(["process", info.owner])
      if (info.parent !== null) rows.push(["part of", info.parent.execution])
      if (report?.result !== undefined) rows.push(["result", View.short(report.result, 10_000)])
      if (report?.error !== undefined) rows.push(["error", report.error])
      for (const line of Output.table(rows)) yield* Output.out(line)
      for (const line of report?.advice ?? []) yield* Output.out(line)
    })
  )

/** Which events are shown. */
export interface Events {
  readonly id: string
  readonly follow: boolean
  readonly from: number
}

export const events = ({ follow, from, id }: Events) =>
  use((database, isJson) =>
    Effect.gen(function*() {
      let next = from
      const goOn = () =>
        View.command("executions", "events", id, "--follow", "--from", String(next), ...Store.words(database))
      const show = Effect.fnUntraced(function*(event: Parameters<typeof View.line>[0]) {
        if (isJson) yield* Output.json(Narrator.toJson(event))
        else {
          const line = View.line(event)
          const place = event.sequence === undefined
            ? "".padStart(29)
            : `${String(event.sequence).padStart(6)}  ${View.time(event.at)}  `
          const said = line ?? (event.sequence === undefined ? undefined : event.event._tag)
          if (said !== undefined) yield* Output.out(`${place}${said}`)
        }
        if (event.sequence !== undefined) next = event.sequence + 1
      })
      yield* Execution.get(id)
      if (follow) {
        yield* Stream.runForEach(Execution.events(id, { from }), show).pipe(
          Effect.tapError(() => Output.note(`go on with: ${goOn()}`))
        )
      } else {
        const { journal } = yield* Engine
        yield* Effect.forEach(yield* journal.load(id, from), show, { discard: true })
      }
    })
  )

const told = (database: string, isJson: boolean, id: string, what: string) =>
  Effect.gen(function*() {
    const { state } = yield* Execution.get(id)
    if (isJson) return yield* Output.json({ execution: id, done: what, state })
    yield* Output.out(`${id} ${what}`)
    yield* Output.note(
      `it goes on where its workflow is registered; here: ${
        View.command("resume-open", "<file>", ...Store.words(database))
      }`
    )
  })

/** An answer to a pause. */
export interface Resume {
  readonly id: string
  readonly input: string
  readonly pause: Option.Option<string>
  readonly key: Option.Option<string>
}

export const resume = ({ id, input, key, pause }: Resume) =>
  use((database, isJson) =>
    Effect.gen(function*() {
      const json = yield* Effect.try({
        try: () => JSON.parse(input),
        catch: (cause) =>
          fail(
            "usage",
            `the answer is no JSON (a text is written '"so"'): ${cause instanceof Error ? cause.message : cause}`
          )
      })
      yield* Execution.resume(id, json, { pause: Option.getOrUndefined(pause), key: Option.getOrUndefined(key) })
      yield* told(database, isJson, id, "resumed")
    })
  )

export const cancel = ({ hard, id }: { readonly id: string; readonly hard: boolean }) =>
  use((database, isJson) =>
    Effect.gen(function*() {
      const { state } = yield* Execution.get(id)
      yield* Execution.cancel(id, { hard })
      if (["completed", "failed", "cancelled"].includes(state)) {
        return yield* fail("refused", `execution ${id} is ${state} already`)
      }
      yield* told(database, isJson, id, "is cancelled")
    })
  )

export const retry = ({ id }: { readonly id: string }) =>
  use((database, isJson) => Effect.andThen(Execution.retry(id), told(database, isJson, id, "is retried")))

export const remove = ({ ids }: { readonly ids: ReadonlyArray<string> }) =>
  use((_, isJson) =>
    Effect.forEach(ids, (id) =>
      Effect.andThen(
        Execution.delete(id),
        isJson ? Output.json({ execution: id, done: "deleted" }) : Output.out(`${id} deleted`)
      ), { discard: true })
  )
