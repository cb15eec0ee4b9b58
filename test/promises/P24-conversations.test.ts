/**
 * P24: agents of one execution with memories of their own do not see each other's messages, and share one where they are
 * given one; runs on many conversations never mix, and those on one come one after the other.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { Agent, Conversations, type Driver, Engine, Task, Workflow, WorkingMemory } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { fork } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll } from "vitest"
import * as Messages from "../support/Messages.ts"
import * as Scripted from "../support/Scripted.ts"

const folder = mkdtempSync(join(tmpdir(), "fluxion-p24-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const heard = ({ prompt }: Driver.ModelRequest) =>
  Messages.texts(prompt.content.filter(({ role }) => role !== "system"))

/** A model that answers with all that it was told, in order. */
const echo = Scripted.layer((request) => Scripted.parts(Scripted.say([`[${heard(request).join("|")}]`])))

const database = (filename: string) => Layer.provide(Layer.fresh(Conversations.layerSql), Sqlite.layer({ filename }))

describe("P24: memories of one execution", () => {
  const make = (name: string, memory: WorkingMemory.WorkingMemory) =>
    Agent.make(name, { instructions: "You listen.", memory })
  const own = make("own", WorkingMemory.make())
  const other = make("other", WorkingMemory.make())
  const shared = WorkingMemory.make()
  const [first, second] = [make("first", shared), make("second", shared)]
  const bare = Agent.make("bare", { instructions: "You listen." })

  const inside = Task.make("inside", {
    payload: { text: Schema.String },
    success: Schema.String,
    run: ({ text }) => Effect.orDie(own(text))
  })

  const flow = Workflow.make("flow", {
    payload: {},
    success: Schema.Array(Schema.String),
    run: () =>
      Effect.orDie(Effect.all([
        own("a"),
        other("b"),
        // also within another step
        inside({ text: "c" }),
        first("d"),
        second("e"),
        bare("f"),
        bare("g")
      ]))
  })

  it.effect("are seen by the agents that were given them, and by no others", () =>
    Effect.gen(function*() {
      const said = yield* flow.execute({})
      assert.deepStrictEqual(said, ["[a]", "[b]", "[a|[a]|c]", "[d]", "[d|[d]|e]", "[f]", "[g]"])
      // another execution begins with nothing
      assert.deepStrictEqual(yield* flow.execute({}), said)
    }).pipe(Effect.provide(Layer.provideMerge(flow.layer, Layer.merge(Engine.layerMemory, echo)))))

  it.effect("are nobody's outside of one: a run begins with nothing", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual([yield* own("a"), yield* own("b")], ["[a]", "[b]"])
    }).pipe(Effect.provide(echo)))
})

describe("P24: runs on conversations", () => {
  const listener = Agent.make("listener", { instructions: "You listen." })
  // answers when others have had their turn
  const slow = Scripted.layer((request) =>
    Stream.unwrap(Effect.as(
      Effect.yieldNow,
      Scripted.parts(Scripted.say([`heard ${heard(request).at(-1)} after ${heard(request).length - 1}`]))
    ))
  )

  for (
    const [name, store] of [["in memory", Conversations.layerMemory], [
      "on SQLite",
      Layer.suspend(() => database(join(folder, "many.db")))
    ]] as const
  ) {
    it.effect(`never mix, of 1,000 at once, and lose nothing on one, ${name}`, () =>
      Effect.gen(function*() {
        const conversations = yield* Conversations.Conversations
        yield* Effect.forEach(
          Array.from({ length: 1000 }, (_, n) => n),
          (n) =>
            Effect.andThen(
              listener(`one of ${n}`, { conversation: `chat ${n}` }),
              listener(`two of ${n}`, { conversation: `chat ${n}` })
            ),
          { concurrency: "unbounded", discard: true }
        )
        for (let n = 0; n < 1000; n += 37) {
          const { messages } = yield* conversations.history(`chat ${n}`)
          assert.deepStrictEqual(Messages.texts(messages.map(({ message }) => message)), [
            `one of ${n}`,
            `heard one of ${n} after 0`,
            `two of ${n}`,
            `heard two of ${n} after 2`
          ])
        }
        const answers = yield* Effect.forEach(
          Array.from({ length: 50 }, (_, n) => n),
          (n) => listener(`${n}`, { conversation: "one" }),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(answers, answers.map((_, n) => `heard ${n} after ${2 * n}`))
        const { messages } = yield* conversations.history("one")
        assert.strictEqual(messages.length, 100)
        Messages.assertLegal(messages.map(({ message }) => message))
      }).pipe(Effect.provide(Layer.merge(Layer.orDie(store), slow))), 60_000)
  }

  it("come one after the other from two processes, too", async () => {
    const filename = join(folder, "two.db")
    const child = fileURLToPath(new URL("../children/chat.ts", import.meta.url))
    await Effect.runPromise(Effect.provide(Effect.void, database(filename)))
    const talkers = ["ada", "bob"].map((name) =>
      fork(child, [filename, name], {
        execArgv: ["--disable-warning=ExperimentalWarning", "--conditions=fluxion-source"]
      })
    )
    const ended = talkers.map((talker) => once(talker, "exit"))
    await Promise.all(talkers.map((talker) => once(talker, "message")))
    for (const talker of talkers) talker.send("go")
    assert.deepStrictEqual((await Promise.all(ended)).map(([code]) => code), [0, 0])
    const { messages } = await Effect.runPromise(
      Effect.provide(Conversations.Conversations.use((store) => store.history("one")), database(filename))
    )
    // each run heard all that was said before it
    assert.deepStrictEqual(
      messages.filter((_, index) => index % 2 === 1).map(({ message }) => Messages.texts([message])[0]!),
      Array.from({ length: 16 }, (_, n) => `after ${2 * n}`)
    )
  }, 60_000)
})
