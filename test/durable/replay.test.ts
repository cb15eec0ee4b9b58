/**
 * The order rule, over generated programs: killed at every append, an execution asks the same questions in the same
 * places and gets the same answers, and nothing that was recorded runs again.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scheduler, Schema } from "effect"
import { State, StepScope } from "fluxion"
import type { JournalEvent } from "../../src/core/JournalEvent.ts"
import { ExecutionRun } from "../../src/durable/internal/ExecutionRun.ts"
import { Idle } from "../../src/durable/internal/Idle.ts"
import * as Replay from "../../src/durable/internal/Replay.ts"

/** A program: what it does is written down with the place where it does it. */
type Program =
  | { readonly _tag: "Step"; readonly site: number; readonly name: string; readonly payload: number }
  | { readonly _tag: "Wait"; readonly site: number; readonly name: string }
  | { readonly _tag: "Sequence"; readonly parts: ReadonlyArray<Program>; readonly yields: number }
  | { readonly _tag: "Race"; readonly parts: ReadonlyArray<Program> }
  | { readonly _tag: "All"; readonly parts: ReadonlyArray<Program>; readonly concurrency: number }
  | { readonly _tag: "Change"; readonly site: number; readonly state: number }
  | { readonly _tag: "Read"; readonly site: number; readonly state: number }
  | { readonly _tag: "Nested"; readonly site: number; readonly name: string; readonly body: Program }

/** Numbers from a seed. */
const random = (seed: number) => {
  let state = seed * 2654435761 + 1
  return (below: number) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x297a2d39) | 0
    return ((state ^ (state >>> 12)) >>> 0) % below
  }
}

const generate = (pick: (below: number) => number): Program => {
  let sites = 0
  const many = (depth: number) => Array.from({ length: 2 + pick(2) }, () => make(depth - 1))
  const make = (depth: number): Program => {
    switch (depth === 0 ? [0, 0, 0, 0, 0, 6, 7, 7, 8, 8][pick(10)] : pick(6)) {
      case 1:
      case 2:
        return { _tag: "Sequence", parts: many(depth), yields: pick(3) }
      case 3:
        return { _tag: "All", parts: many(depth), concurrency: 1 + pick(3) }
      case 4:
        return { _tag: "Race", parts: many(depth) }
      case 5:
        return { _tag: "Nested", site: sites++, name: `nested${pick(2)}`, body: make(depth - 1) }
      case 6:
        return { _tag: "Wait", site: sites++, name: "wait" }
      case 7:
        return { _tag: "Change", site: sites++, state: pick(2) }
      case 8:
        return { _tag: "Read", site: sites++, state: pick(2) }
      default:
        // few names and payloads, so that many steps are equal
        return { _tag: "Step", site: sites++, name: `step${pick(2)}`, payload: pick(2) }
    }
  }
  return { _tag: "Sequence", parts: [make(3), make(3)], yields: 0 }
}

/** The changes in order, as text: two that change places show. */
const states = ["s0", "s1"].map((name) =>
  State.make(name, { change: Schema.Finite, initial: "", fold: (text, site) => `${text} ${site}` })
)

/** What outlives a process. */
interface Store {
  readonly journal: Array<JournalEvent>
  /** What was decided, by the key of the step that waits for it. */
  readonly inbox: Map<string, string>
}

const makeStore = (): Store => ({ journal: [], inbox: new Map() })

/** A process: it runs the program on a journal, and dies at its `dieAt`th append. */
const boot = async (
  program: Program,
  { inbox, journal }: Store,
  pick: (below: number) => number,
  dieAt: number
) => {
  const idle = new Idle(new Scheduler.MixedScheduler())
  const started: Array<string> = []
  const seen = new Map<number, string>()
  const running: Array<() => void> = []
  let buffer: Array<JournalEvent> = []
  let appended = 0
  let dead = false
  const run = new ExecutionRun(
    Replay.fromEvents(journal),
    {
      put: (event) => {
        if (!dead) buffer.push(event)
      },
      append: (event) =>
        Effect.suspend(() => {
          if (dead) return Effect.never
          journal.push(...buffer, event)
          buffer = []
          if (++appended !== dieAt) return Effect.void
          dead = true
          return Effect.never
        })
    },
    idle,
    { id: "execution", seed: "seed", now: () => 0, recall: () => Effect.undefined }
  )

  let parked = false
  run.onParked = () => {
    parked = true
  }
  const tell = (key: string) =>
    queueMicrotask(() => Effect.runFork(run.answer(key, { _tag: "Success", value: inbox.get(key)! })))
  run.onAwaited = ({ key }) => {
    if (inbox.has(key)) tell(key)
  }
  const decide = () => {
    const open = run.awaited.filter(({ key }) => !inbox.has(key))
    if (open.length === 0) return
    const { key } = open[pick(open.length)]!
    inbox.set(key, `decided/${inbox.size}/${pick(1_000_000)}`)
    tell(key)
  }

  let made = 0
  const see = (site: number, answer: Effect.Effect<string>) =>
    Effect.tap(answer, (value) =>
      Effect.sync(() => {
        assert.isFalse(seen.has(site), "an answer was given twice")
        seen.set(site, value)
      }))
  const schemas = { payloadSchema: Schema.Unknown, success: Schema.String, error: Schema.Never as never }
  const step = (site: number, name: string, payload: unknown, body: Effect.Effect<string>) =>
    see(site, StepScope.step(() => ({ name, payload, ...schemas }), body))

  const interpret = (program: Program, known: string, isInside: boolean): Effect.Effect<string> => {
    switch (program._tag) {
      case "Step": {
        // what a step is given depends on what was answered before, as in real code
        const payload = [program.payload, known.length % 2]
        return step(
          program.site,
          program.name,
          payload,
          Effect.callback<string>((resume) => {
            const value = `${program.name}/${journal.length}/${made++}/${pick(1_000_000)}`
            started.push(value)
            const finish = () => resume(Effect.succeed(value))
            running.push(finish)
            return Effect.sync(() => {
              if (running.includes(finish)) running.splice(running.indexOf(finish), 1)
            })
          })
        )
      }
      case "Wait":
        return see(
          program.site,
          Effect.flatMap(
            StepScope.StepScope,
            (scope) =>
              scope!.wait({ name: program.name, payload: null, ...schemas, waits: () => Effect.succeed(program.site) })
          )
        )
      case "Change":
        return Effect.as(states[program.state]!.change(program.site), "changed")
      case "Read":
        // a step whose end is not recorded runs again, and later: what it read has reached nobody
        return isInside ? states[program.state]!.get : see(program.site, states[program.state]!.get)
      case "Nested":
        return step(program.site, program.name, null, Effect.suspend(() => interpret(program.body, known, true)))
      case "Sequence":
        return program.parts.reduce<Effect.Effect<string>>(
          (before, part) =>
            before.pipe(
              Effect.tap(Effect.repeat(Effect.yieldNow, { times: program.yields })),
              Effect.flatMap((value) => interpret(part, value, isInside))
            ),
          Effect.succeed(known)
        )
      case "All":
        return Effect.map(
          Effect.forEach(program.parts, (part) => interpret(part, known, isInside), {
            concurrency: program.concurrency
          }),
          (values) => values.join(",")
        )
      case "Race":
        return Effect.raceAll(program.parts.map((part) => interpret(part, known, isInside)))
    }
  }

  const fiber = Effect.runFork(
    Effect.suspend(() => interpret(program, "", false)).pipe(
      Effect.provideService(StepScope.StepScope, run.scope()),
      Effect.provideService(Scheduler.Scheduler, idle)
    ),
    { scheduler: idle }
  )
  // whoever is at work comes to an end in any order
  for (let turns = 0; fiber.pollUnsafe() === undefined && !dead; turns++) {
    if (parked && pick(3) === 0) break
    parked = false
    if (pick(4) === 0) decide()
    await new Promise((resolve) => setImmediate(resolve))
    if (running.length > 0 && pick(2) === 0) running.splice(pick(running.length), 1)[0]!()
    if (turns > 2_000) {
      run.stop()
      await Effect.runPromise(Fiber.interrupt(fiber))
      throw new Error(`stuck: expected ${run.expected}`)
    }
  }
  // the dead are left where they are
  run.stop()
  const exit = fiber.pollUnsafe()
  // an end that is not recorded is none; the record of it takes along what was put
  const output = !dead && exit !== undefined && Exit.isSuccess(exit) ? exit.value : undefined
  if (output !== undefined) journal.push(...buffer)
  return { started, seen, appended, output }
}

/** Boots until the program is through. */
const finish = async (program: Program, store: Store, pick: (below: number) => number) => {
  let appended = 0
  for (;;) {
    const next = await boot(program, store, pick, 0)
    appended += next.appended
    if (next.output !== undefined) return { appended }
  }
}

const check = async (seed: number) => {
  const program = generate(random(seed))
  // how many appends there are to die at
  const whole = await finish(program, makeStore(), random(seed + 1))
  for (let dieAt = 1; dieAt <= whole.appended; dieAt++) {
    const pick = random(seed * 1000 + dieAt)
    const store = makeStore()
    const { journal } = store
    const seen = new Map<number, string>()
    let output: string | undefined
    for (let boots = 0; output === undefined; boots++) {
      const before = new Set(journal.flatMap((event) => event._tag === "StepCompleted" ? [event.key] : []))
      const next = await boot(program, store, pick, boots < 2 ? dieAt : 0)
      output = next.output
      for (const [site, value] of seen) {
        if (next.seen.has(site)) assert.strictEqual(next.seen.get(site), value, `site ${site} got another answer`)
      }
      for (const [site, value] of next.seen) seen.set(site, value)
      const again = journal.flatMap((event) => event._tag === "StepCompleted" ? [event.key] : [])
      assert.strictEqual(new Set(again).size, again.length, "a step was completed twice")
      assert.isAtLeast(again.length, before.size)
    }
    const changes = journal.flatMap((event) => event._tag === "StateChanged" ? [event.key] : [])
    assert.strictEqual(new Set(changes).size, changes.length, "a state was changed twice by one change")
    const length = journal.length
    const replayed = await boot(program, store, pick, 0)
    assert.strictEqual(replayed.output, output, "a replay gives another result")
    assert.deepStrictEqual(replayed.started, [], "a replay runs a step")
    assert.strictEqual(journal.length, length, "a replay writes")
  }
}

describe("replay", () => {
  it("asks the same steps in the same order, and gives each its own answer, wherever it is killed", async () => {
    for (let seed = 1; seed <= Number(process.env["SEEDS"] ?? 60); seed++) {
      try {
        await check(seed)
      } catch (cause) {
        throw new Error(`seed ${seed}: ${String(cause)}`, { cause })
      }
    }
  }, 120_000)
})
