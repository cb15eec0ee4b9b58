/**
 * Long-term memory: what an agent stored in one process is there in the next, for the same owner alone.
 *
 *   npm run example 19
 */
import { Layer } from "effect"
import type { LanguageModel } from "effect/ai"
import { Agent, Effect, LongTermMemory, MemoryStore, Schema } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { TestModel } from "fluxion/testing"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const filename = join(mkdtempSync(join(tmpdir(), "fluxion-")), "facts.db")

// facts are found by owner, scope and key; a run that says no owner fails
const notes = LongTermMemory.make({ scope: "notes", owner: "required" })

const assistant = Agent.make("assistant", { instructions: "You help.", longTermMemory: notes })

/** A process: all that it has in memory ends with it. */
const live = <A, E>(
  turns: ReadonlyArray<TestModel.Turn>,
  effect: Effect.Effect<A, E, LanguageModel.LanguageModel | MemoryStore.MemoryStore>
) =>
  Effect.runPromise(
    Effect.provide(
      effect,
      Layer.merge(
        TestModel.layer(turns),
        Layer.provide(Layer.fresh(MemoryStore.layerSql), Layer.fresh(Sqlite.layer({ filename })))
      )
    )
  )

/** What the tools of a run gave. */
const resultsOf = ({ messages }: { readonly messages: ReadonlyArray<any> }) =>
  messages.flatMap(({ content, role }) => role === "tool" ? content.map((part: any) => part.result) : [])

await live(
  [TestModel.toolCall("store_memory", { key: "diet", value: "Ada is a vegetarian." }), TestModel.text("Noted.")],
  assistant("I am a vegetarian.", { owner: "ada" })
)

const look = TestModel.toolCall("search_memory", { query: "vegetarian diet" })
for (const owner of ["ada", "bob"]) {
  const run = await live(
    [look, TestModel.text("Risotto, then?")],
    assistant.result("What may I eat?", { owner })
  )
  console.log(owner, resultsOf(run).flat().map(({ by, key, value }) => `${key}: ${value} (${by})`))
}

// the same facts from code, by their Schema
console.log(await live([], notes.get("diet", Schema.String, { owner: "ada" })))
