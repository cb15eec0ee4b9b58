/**
 * One Layer's use of a cassette: which call is answered from it, and what is written to it, in which order.
 *
 * Each recording answers one call. What is recorded is written in the order in which it was asked, whatever came first;
 * a call that was interrupted leaves nothing. A failure that may pass is written with the next answer after it, or not
 * at all: a run that ended in it is no recording of anything.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import { CassetteError } from "../CassetteError.ts"
import type { CanonicalRequest } from "./CanonicalRequest.ts"
import type * as CassetteDisk from "./CassetteDisk.ts"
import * as CassetteFile from "./CassetteFile.ts"
import * as CassetteMatch from "./CassetteMatch.ts"
import * as Answer from "./RecordedAnswer.ts"

/** Whether calls are recorded: what is missing, everything, or nothing. */
export type Mode = "auto" | "record" | "replay"

/** The place of a call that is made now. */
export interface Slot {
  /** Records how the call went. */
  readonly keep: (answer: Answer.RecordedAnswer) => Effect.Effect<void, CassetteError>
  /** The call was not made, or was interrupted. */
  readonly drop: Effect.Effect<void>
}

/** What becomes of a call. `why` says what is missing. */
export type Play =
  | { readonly _tag: "Replayed"; readonly answer: Answer.RecordedAnswer; readonly giveBack: () => void }
  | { readonly _tag: "Recorded"; readonly slot: Slot; readonly why: () => string }
  | { readonly _tag: "Missed"; readonly why: () => string }

interface Place {
  state: "open" | "dropped" | { readonly call: CassetteFile.RecordedCall; readonly isPassing: boolean }
}

/** The cassettes that this process records anew: the first to do so begins with nothing, the others add to it. */
const begun = new Set<string>()

const isCi: Effect.Effect<string | undefined> = Config.String("CI").pipe(
  Config.withDefault(""),
  // who cannot tell does not record
  Effect.orElseSucceed(() => "unreadable"),
  Effect.map((value) => ["", "false", "0"].includes(value.trim().toLowerCase()) ? undefined : value)
)

const messageOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

/** A cassette in use. */
export class Session {
  /** As it was named. */
  readonly file: string
  readonly digest: typeof CassetteDisk.digest
  /** Whether a call that is not recorded may be made. */
  readonly records: boolean
  /** What it held when it was opened. */
  readonly held: CassetteFile.CassetteFile
  readonly mode: Mode
  readonly #disk: CassetteDisk.Disk
  readonly #given = new Set<CassetteFile.RecordedCall>()
  readonly #queue: Array<Place> = []
  readonly #models = new Map<string, CassetteFile.RecordedModel>()
  #model: string | undefined

  constructor(
    fields: Pick<Session, "digest" | "records" | "held" | "mode">,
    disk: CassetteDisk.Disk
  ) {
    this.file = disk.name
    this.digest = fields.digest
    this.records = fields.records
    this.held = fields.held
    this.mode = fields.mode
    this.#disk = disk
  }

  /** What is wrong with it. */
  error({ detail, problem }: CassetteFile.Problem): CassetteError {
    return new CassetteError({ file: this.file, problem, detail })
  }

  /** What to do about a call that is not recorded. */
  get advice(): string {
    if (this.mode === "replay") {
      return `To record what is missing, run it once in mode "auto"; mode "record" records all of it anew.`
    }
    return "In CI nothing is recorded: run it once elsewhere, and commit the file."
  }

  /** Remembers a Model that calls are made to; `isGiven`: the one that was given as a Layer. */
  note(id: string, model: CassetteFile.RecordedModel, isGiven: boolean): void {
    this.#models.set(id, model)
    if (isGiven) this.#model = id
  }

  /** Decides what becomes of a call. */
  ask(request: CanonicalRequest): Play {
    const { calls } = this.held
    const why = () => CassetteMatch.explain(this.file, calls, request)
    const found = CassetteMatch.find(calls, request, this.#given)
    if (found !== undefined) {
      this.#given.add(found)
      return { _tag: "Replayed", answer: found.answer, giveBack: () => this.#given.delete(found) }
    }
    return this.records ? { _tag: "Recorded", slot: this.#slot(request), why } : { _tag: "Missed", why }
  }

  #slot(request: CanonicalRequest): Slot {
    const place: Place = { state: "open" }
    this.#queue.push(place)
    return {
      keep: (answer) => {
        const call = { request: Answer.clean(request as Schema.Json) as unknown as CanonicalRequest, answer }
        place.state = { call, isPassing: answer.error !== undefined && Answer.isPassing(answer.error) }
        return this.flush
      },
      drop: Effect.suspend(() => {
        place.state = "dropped"
        return Effect.ignore(this.flush, { log: true })
      })
    }
  }

  /** Writes what may be written by now. */
  readonly flush: Effect.Effect<void, CassetteError> = Effect.suspend(() => {
    const settled = this.#queue.findIndex(({ state }) => state === "open")
    const ended = settled === -1 ? this.#queue : this.#queue.slice(0, settled)
    const last = ended.findLastIndex(({ state }) => typeof state === "object" && !state.isPassing)
    const calls = this.#queue.splice(0, last + 1).flatMap(({ state }) => typeof state === "object" ? [state.call] : [])
    return calls.length === 0 ? Effect.void : this.#write(calls)
  })

  /** Writes what is left: whoever is still asking is not waited for. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    for (const place of this.#queue) if (place.state === "open") place.state = "dropped"
    return Effect.ignore(this.flush, { log: true })
  })

  #write(calls: ReadonlyArray<CassetteFile.RecordedCall>): Effect.Effect<void, CassetteError> {
    return Effect.suspend(() => {
      const isFirst = this.mode === "record" && !begun.has(this.#disk.path)
      const written = Result.try({
        try: () => this.#disk.update((text) => Result.flatMap(read(text), (file) => this.#add(file, calls, isFirst))),
        catch: (cause): CassetteFile.Problem => ({
          problem: "unreachable",
          detail: `it cannot be written: ${messageOf(cause)}`
        })
      })
      const result = Result.flatMap(written, (inner) => inner)
      if (Result.isFailure(result)) return Effect.fail(this.error(result.failure))
      if (isFirst) begun.add(this.#disk.path)
      return Effect.void
    })
  }

  #add(
    file: CassetteFile.CassetteFile,
    calls: ReadonlyArray<CassetteFile.RecordedCall>,
    isFirst: boolean
  ): Result.Result<string, CassetteFile.Problem> {
    const base = isFirst ? CassetteFile.empty : file
    const model = this.#model ?? base.model
    if (base.model !== undefined && model !== base.model) return Result.fail(otherModel(base.model, model!))
    const models = Object.entries({ ...base.models, ...Object.fromEntries(this.#models) })
    return Result.succeed(CassetteFile.print({
      ...(model === undefined ? {} : { model }),
      models: Object.fromEntries(models.sort(([left], [right]) => left < right ? -1 : 1)),
      calls: [...base.calls, ...calls]
    }))
  }
}

/** It was recorded with another Model. */
export const otherModel = (recorded: string, given: string): CassetteFile.Problem => ({
  problem: "other-model",
  detail: `it was recorded with ${recorded}, and now ${given} is given: use a file for each of them, or delete this one`
})

const read = (text: string | undefined): Result.Result<CassetteFile.CassetteFile, CassetteFile.Problem> =>
  text === undefined ? Result.succeed(CassetteFile.empty) : CassetteFile.parse(text)

/** Opens a cassette. */
export const open = Effect.fnUntraced(function*(
  file: string | URL,
  mode: Mode
): Effect.fn.Return<Session, CassetteError> {
  const ci = yield* isCi
  const { digest, open } = yield* Effect.promise(() => import("./CassetteDisk.ts"))
  const disk = open(file)
  const fail = ({ detail, problem }: CassetteFile.Problem) =>
    Effect.fail(new CassetteError({ file: disk.name, problem, detail }))
  if (ci !== undefined && mode === "record") {
    return yield* fail({
      problem: "ci",
      detail:
        `mode is "record", and in CI (CI is "${ci}") nothing is recorded: record it elsewhere, and commit the file`
    })
  }
  const records = mode !== "replay" && ci === undefined
  const text = Result.try({ try: disk.read, catch: messageOf })
  if (Result.isFailure(text)) {
    return yield* fail({ problem: "unreachable", detail: `it cannot be read: ${text.failure}` })
  }
  if (text.success === undefined && !records) {
    const why = ci === undefined ? `in mode "${mode}"` : `in CI (CI is "${ci}")`
    return yield* fail({
      problem: "missing",
      detail: `there is no such file, and ${why} nothing is recorded: run it once in mode "auto"`
        + `${ci === undefined ? "" : ", elsewhere,"} and commit the file`
    })
  }
  const held = read(text.success)
  if (Result.isFailure(held)) return yield* fail(held.failure)
  const isAnew = mode === "record" && !begun.has(disk.path)
  return new Session({ digest, records, held: isAnew ? CassetteFile.empty : held.success, mode }, disk)
})
