/**
 * What a message in a conversation costs, each database in a process of its own: `node Trials.ts <database> <json>` prints
 * microseconds.
 *
 * Wall clock, since a database waits for its disk or its socket. The model answers at once: what is measured is to have the
 * conversation for oneself, to read it, to run, and to add what was said.
 */
import { Effect, Layer, Redacted } from "effect"
import { Prompt } from "effect/ai"
import { Agent, Conversations, WorkingMemory } from "fluxion"
import { Postgres } from "fluxion/postgres"
import { Sqlite } from "fluxion/sqlite"
import * as PostgresServer from "../../test/support/PostgresServer.ts"
import * as Scripted from "../../test/support/Scripted.ts"

/** Microseconds of one message in a conversation of some length. */
export interface Times {
  /** The agent's memory has a window of 20 messages. */
  readonly windowed: number
  /** All of it is sent. */
  readonly whole: number
}

const answer = "An answer of the usual length, in one sentence or two, as models give them."
const model = Scripted.layer(() => Scripted.parts(Scripted.say([answer])))

const whole = Agent.make("assistant", { instructions: "You help." })
const windowed = whole.with({ memory: WorkingMemory.make({ window: 20 }) })

const said = (length: number): ReadonlyArray<Prompt.Message> =>
  Array.from({ length }, (_, n) =>
    n % 2 === 0
      ? Prompt.userMessage({ content: [Prompt.textPart({ text: `Question ${n}, as long as questions are.` })] })
      : Prompt.assistantMessage({ content: [Prompt.textPart({ text: `${n}: ${answer}` })] }))

const trial = (sizes: ReadonlyArray<number>, rounds: number) =>
  Effect.gen(function*() {
    const store = yield* Conversations.Conversations
    const times = sizes.map(() => ({ windowed: [] as Array<number>, whole: [] as Array<number> }))
    for (const size of sizes) yield* store.append(`of ${size}`, { messages: said(size), by: "bench" })
    // the first rounds warm up
    for (let round = -5; round < rounds; round++) {
      for (const [index, size] of sizes.entries()) {
        for (const [name, agent] of [["windowed", windowed], ["whole", whole]] as const) {
          const conversation = `${name} ${size} ${round}`
          yield* store.fork(`of ${size}`, conversation)
          const start = performance.now()
          yield* agent("And now?", { conversation })
          if (round >= 0) times[index]![name].push((performance.now() - start) * 1000)
          yield* store.delete(conversation)
        }
      }
    }
    const median = (values: Array<number>) => values.sort((a, b) => a - b)[values.length >> 1]!
    return times.map(({ whole, windowed }): Times => ({ windowed: median(windowed), whole: median(whole) }))
  })

const [name, settings] = process.argv.slice(2)
const { filename, rounds, sizes } = JSON.parse(settings!)
const server = name === "postgres" ? await PostgresServer.start() : undefined
const database = server === undefined
  ? Sqlite.layer({ filename })
  : Postgres.layer({ url: Redacted.make(await server.database("bench")) })
const measured = await Effect.runPromise(
  Effect.orDie(Effect.provide(
    trial(sizes, rounds),
    Layer.merge(model, Layer.provide(Conversations.layerSql, database))
  ))
)
await server?.stop()
process.stdout.write(`${JSON.stringify(measured)}\n`)
