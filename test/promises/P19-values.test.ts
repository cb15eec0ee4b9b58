/**
 * P19: values that JSON does not know cross the journal, and come back equal.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Option, Schema } from "effect"
import { Engine, Execution, Pause, Task, Workflow } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"

const folder = mkdtempSync(join(tmpdir(), "fluxion-p19-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

class Person extends Schema.TaggedClass<Person>()("Person", { name: Schema.String, born: Schema.Date }) {
  get age() {
    return 2026 - this.born.getUTCFullYear()
  }
}

class Refused extends Schema.TaggedError<Refused>()("Refused", { by: Person, amount: Schema.BigInt }) {}

const Everything = Schema.Struct({
  date: Schema.Date,
  map: Schema.ReadonlyMap(Schema.String, Schema.Date),
  set: Schema.ReadonlySet(Schema.BigInt),
  big: Schema.BigInt,
  bytes: Schema.Uint8Array,
  person: Person,
  duration: Schema.Duration,
  option: Schema.Option(Schema.Date),
  nothing: Schema.Undefined,
  odd: Schema.Array(Schema.Number),
  text: Schema.String
})

const ada = new Person({ name: "Ada", born: new Date("1815-12-10") })

const everything = Everything.make({
  date: new Date(1_700_000_000_123),
  map: new Map([["a", new Date(1)], ["b", new Date(2)]]),
  set: new Set([1n, 2n ** 80n]),
  big: -(2n ** 70n),
  bytes: new Uint8Array([0, 1, 254, 255]),
  person: ada,
  duration: Duration.days(3),
  option: Option.some(new Date(3)),
  nothing: undefined,
  odd: [Number.NaN, Infinity, -Infinity, 0.1],
  text: "\u0000 \u2028 \ud83d\ude00 \"quoted\""
})

describe("P19: what JSON does not know comes back equal, by its Schema", () => {
  it.live("payloads, results, answers and typed errors come back equal, by their Schema", () => {
    const seen: Array<unknown> = []
    const echo = Task.make("echo", {
      payload: { value: Everything },
      success: Everything,
      error: Refused,
      run: ({ value }) => {
        seen.push(value)
        return Effect.succeed(value)
      }
    })
    const refuse = Task.make("refuse", {
      payload: {},
      success: Schema.Void,
      error: Refused,
      run: () => Effect.fail(new Refused({ by: ada, amount: 7n }))
    })
    const question = Pause.make("question", { output: Everything, input: Everything })
    const flow = Workflow.make("flow", {
      payload: { value: Everything },
      success: Schema.Struct({ echoed: Everything, answered: Everything }),
      error: Refused,
      run: ({ value }) =>
        Effect.gen(function*() {
          const echoed = yield* echo({ value })
          const error = yield* Effect.orDie(Effect.flip(refuse({})))
          const answered = yield* question(value)
          seen.push(echoed, error, answered)
          if (answered.text === "refuse") return yield* error
          return { echoed, answered }
        })
    })
    const filename = join(folder, `${files++}.db`)
    const deploy = <A, E>(effect: Effect.Effect<A, E, Engine.Engine>) =>
      Effect.provide(
        effect,
        Layer.fresh(flow.layer.pipe(
          Layer.provideMerge(Engine.layerJournal),
          Layer.provide(Sqlite.layer({ filename }))
        ))
      )
    return Effect.gen(function*() {
      yield* deploy(
        Effect.forEach(
          ["a", "b"],
          (id) => Effect.andThen(flow.start({ value: everything }, { id }), Execution.settled(id))
        )
      )
      assert.deepStrictEqual(seen, [everything, everything])
      // another process
      yield* deploy(Effect.gen(function*() {
        yield* question.resume("a", everything)
        const result = yield* flow.result("a")
        assert.deepStrictEqual(result, { echoed: everything, answered: everything })
        assert.strictEqual(result.answered.person.age, 211)
        assert.deepStrictEqual(seen.slice(2), [everything, new Refused({ by: ada, amount: 7n }), everything])
        yield* question.resume("b", { ...everything, text: "refuse" })
        const error = yield* Effect.flip(flow.result("b"))
        assert.strictEqual(error._tag, "Refused")
        assert.deepStrictEqual(error, new Refused({ by: ada, amount: 7n }))
      }))
    })
  })
})
