/**
 * Programs as data, made from a seed, and the workflow that runs them: all that an execution may consist of.
 *
 * What a step gives depends on its name and payload alone, and a race has one who can win: so every run of a program, cut
 * short or not, has to come to the same result.
 */
import { Effect, Layer, Schedule, Schema } from "effect"
import { Agent, Engine, Execution, Pause, State, Task, Workflow } from "fluxion"
import { TestModel } from "fluxion/testing"

/** A program. */
export type Program =
  | { readonly _tag: "Step"; readonly item: number; readonly millis: number }
  | { readonly _tag: "Nested"; readonly body: Program }
  | { readonly _tag: "Retried"; readonly item: number; readonly body: Program }
  | { readonly _tag: "Sequence"; readonly parts: ReadonlyArray<Program> }
  | { readonly _tag: "All"; readonly parts: ReadonlyArray<Program> }
  | { readonly _tag: "Race"; readonly winner: Program; readonly loser: Program }
  | { readonly _tag: "TimeLimit"; readonly body: Program }
  | { readonly _tag: "Identified"; readonly count: number }
  | { readonly _tag: "Pause"; readonly item: number }
  | { readonly _tag: "Sleep"; readonly millis: number }
  | { readonly _tag: "Child"; readonly body: Program }
  | { readonly _tag: "Agent"; readonly item: number }
  | { readonly _tag: "Count"; readonly by: number }

/** Numbers below a limit, from a seed. */
export const random = (seed: number) => {
  let state = Math.imul(seed, 2654435761) + 1
  return (below: number) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x297a2d39) | 0
    return ((state ^ (state >>> 12)) >>> 0) % below
  }
}

/** A program of everything, small. */
export const everything: Program = {
  _tag: "Sequence",
  parts: [
    { _tag: "Agent", item: 1 },
    {
      _tag: "All",
      parts: [
        { _tag: "Identified", count: 3 },
        { _tag: "Nested", body: { _tag: "All", parts: [step(1, 3), { _tag: "Count", by: 2 }, step(1, 0)] } },
        { _tag: "Pause", item: 1 }
      ]
    },
    { _tag: "Retried", item: 2, body: { _tag: "Sequence", parts: [{ _tag: "Count", by: 1 }, step(3, 0)] } },
    { _tag: "Race", winner: step(4, 0), loser: step(5, 60_000) },
    { _tag: "TimeLimit", body: step(6, 60_000) },
    { _tag: "Child", body: { _tag: "Sequence", parts: [step(7, 0), { _tag: "Sleep", millis: 1 }] } }
  ]
}

function step(item: number, millis: number): Program {
  return { _tag: "Step", item, millis }
}

/** A program from a seed. */
export const generate = (seed: number): Program => {
  const pick = random(seed)
  const many = (depth: number) => Array.from({ length: 2 + pick(2) }, () => make(depth - 1))
  const make = (depth: number): Program => {
    if (depth === 0) return step(pick(3), pick(3))
    switch (pick(13)) {
      case 0:
        return { _tag: "Nested", body: make(depth - 1) }
      case 1:
        return { _tag: "Retried", item: pick(3), body: make(depth - 1) }
      case 2:
        return { _tag: "Race", winner: step(pick(3), 0), loser: step(pick(3), 60_000) }
      case 3:
        return { _tag: "TimeLimit", body: step(pick(3), 60_000) }
      case 4:
        return { _tag: "Identified", count: 2 + pick(2) }
      case 5:
        return { _tag: "Pause", item: pick(2) }
      case 6:
        return { _tag: "Sleep", millis: pick(3) }
      case 7:
        return { _tag: "Child", body: make(depth - 1) }
      case 8:
        return { _tag: "Agent", item: pick(2) }
      case 9:
        return { _tag: "Count", by: 1 + pick(3) }
      case 10:
      case 11:
        return { _tag: "All", parts: many(depth) }
      default:
        return { _tag: "Sequence", parts: many(depth) }
    }
  }
  return { _tag: "Sequence", parts: [make(2), make(3), step(9, 0)] }
}

const counted = State.make("counted", { change: Schema.Finite, initial: 0, fold: (sum, by) => sum + by })

const Text = { payload: { item: Schema.Number }, success: Schema.String } as const

/** The workflows that run programs; `did` is told of every effect on the world, with its idempotency key. */
export const make = (did: (key: string, what: string) => void) => {
  const slow = (millis: number) => millis > 0 ? Effect.sleep(millis) : Effect.void
  const work = Task.make("work", {
    payload: { item: Schema.Number, millis: Schema.Number },
    success: Schema.String,
    rollback: ({ item }) => did(`undo ${item}`, "undo"),
    run: ({ item, millis }, { idempotencyKey }) =>
      Effect.map(slow(millis), () => {
        did(idempotencyKey, `work ${item}`)
        return `work ${item}`
      })
  })
  const charge = Task.make("charge", {
    payload: { item: Schema.Number, id: Schema.String },
    success: Schema.String,
    run: ({ id, item }, { idempotencyKey }) =>
      Effect.map(slow((item * 7) % 3), () => {
        did(idempotencyKey, `charge ${item}`)
        return `${item} ${id}`
      })
  })
  const look = Task.make("look", {
    ...Text,
    run: ({ item }, { idempotencyKey }) => {
      did(idempotencyKey, `look ${item}`)
      return `seen ${item}`
    }
  })
  const answered = Pause.make("answer", { output: Schema.Number, input: Schema.String })
  const assistant = Agent.make("assistant", { instructions: "Look twice, then answer.", tools: [look] })
  class Busy extends Schema.TaggedError<Busy>()("Busy", {}) {}

  const nested = Task.make("nested", {
    payload: { body: Schema.Unknown as Schema.Codec<Program> },
    success: Schema.String,
    run: ({ body }): Effect.Effect<string, never, any> => interpret(body)
  })
  const retried = Task.make("retried", {
    payload: { item: Schema.Number, body: Schema.Unknown as Schema.Codec<Program> },
    success: Schema.String,
    error: Busy,
    retry: { times: 2, schedule: Schedule.spaced("2 millis") },
    run: ({ body }, { attempt }): Effect.Effect<string, Busy, any> =>
      Effect.flatMap(interpret(body), (value) => attempt < 3 ? Effect.fail(new Busy()) : Effect.succeed(`${value}!`))
  })
  const child = Workflow.make("child", {
    payload: { body: Schema.Unknown as Schema.Codec<Program> },
    success: Schema.String,
    run: ({ body }): Effect.Effect<string, never, any> => interpret(body)
  })

  const joined = (parts: ReadonlyArray<Program>, concurrency: number | "unbounded") =>
    Effect.map(Effect.forEach(parts, interpret, { concurrency }), (values) => `(${values.join(", ")})`)

  const interpret = (program: Program): Effect.Effect<string, never, any> => {
    switch (program._tag) {
      case "Step":
        return Effect.orDie(work({ item: program.item, millis: program.millis }))
      case "Nested":
        return Effect.orDie(nested({ body: program.body }))
      case "Retried":
        return Effect.orDie(retried({ item: program.item, body: program.body }))
      case "Sequence":
        return joined(program.parts, 1)
      case "All":
        return joined(program.parts, "unbounded")
      case "Race":
        return Workflow.race(interpret(program.winner), interpret(program.loser))
      case "TimeLimit":
        return Effect.map(Workflow.timeout(interpret(program.body), "3 millis"), ({ _tag }) => _tag)
      case "Identified":
        return Effect.map(
          Effect.forEach(Array.from({ length: program.count }, (_, item) => item), (item) =>
            Effect.gen(function*() {
              yield* Workflow.now
              const id = yield* Workflow.uuid
              const charged = yield* Effect.orDie(charge({ item, id }))
              return charged === `${item} ${id}` ? "own" : "another's"
            }), { concurrency: "unbounded" }),
          (values) => values.join(" ")
        )
      case "Pause":
        return Effect.map(answered(program.item), (said) => `said ${said}`)
      case "Sleep":
        return Effect.as(Workflow.sleep(program.millis), "slept")
      case "Child":
        return Effect.orDie(child({ body: program.body }))
      case "Count":
        return Effect.as(counted.change(program.by), "counted")
      case "Agent":
        return Effect.orDie(assistant(`item ${program.item}`))
    }
  }

  const flow = Workflow.make("flow", {
    payload: { program: Schema.Unknown as Schema.Codec<Program>, fails: Schema.Boolean },
    success: Schema.String,
    error: Schema.String,
    run: ({ fails, program }): Effect.Effect<string, string, any> =>
      Effect.flatMap(
        Effect.zipWith(interpret(program), counted.get, (value, count) => `${value}, ${count} counted`),
        (value) => fails ? Effect.fail(value) : Effect.succeed(value)
      )
  })

  /** What the model says depends on what it is asked alone, so that a new process goes on where the old one was. */
  const model = TestModel.layer(Array.from({ length: 200 }, () =>
    TestModel.respond(({ prompt }) => {
      did("model", "model")
      const looked = prompt.content.filter(({ role }) => role === "tool").length
      return looked < 2 ? TestModel.toolCall("look", { item: looked }) : TestModel.text("looked twice")
    })))

  /** Runs a program to its end, and answers what it asks. */
  const run = (program: Program, fails: boolean): Effect.Effect<string, never, Engine.Engine> =>
    Effect.gen(function*() {
      const id = yield* flow.start({ program, fails }, { id: "program" })
      for (;;) {
        const { exit, info, pending } = yield* Execution.settled(id)
        if (info.state === "parked") return `parked: ${info.problem}`
        if (exit._tag === "Some") return `${info.state}: ${JSON.stringify(exit.value)}`
        for (const { execution, key } of pending) yield* Effect.ignore(answered.resume(execution, "yes", { key }))
      }
    }).pipe(Effect.orDie)

  return { run, layer: Layer.mergeAll(flow.layer, child.layer).pipe(Layer.provide(model), Layer.orDie) }
}
