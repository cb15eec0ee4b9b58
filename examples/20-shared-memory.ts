/**
 * Two agents that are given one memory share its facts; code puts typed ones beside them, and keeps some from the models.
 *
 *   npm run example 20
 */
import { Agent, Effect, LongTermMemory, MemoryStore, Schema } from "fluxion"
import { TestModel } from "fluxion/testing"

const project = LongTermMemory.make({ scope: "project" })

const researcher = Agent.make("researcher", { instructions: "You find out.", longTermMemory: project })
const writer = Agent.make("writer", { instructions: "You write.", longTermMemory: project })

const Deadline = Schema.Struct({ day: Schema.Date, words: Schema.Finite })

const shown = ["keys", "more", "key", "value", "by"]

await Effect.runPromise(
  Effect.gen(function*() {
    yield* project.set("deadline", Deadline, { day: new Date("2027-01-31"), words: 800 })
    // a key that begins with _ is for code alone
    yield* project.set("_budget", Schema.Finite, 12_000)

    yield* researcher("Find out how bees talk.")
    const { messages, output } = yield* writer.result("Write about how bees talk.")

    for (const { content, role } of messages) {
      if (role !== "tool") continue
      for (const part of content) {
        if (part.type === "tool-result") console.log(part.name, JSON.stringify(part.result, shown))
      }
    }
    console.log(output)
    const deadline = yield* project.get("deadline", Deadline)
    console.log(deadline?.day.getUTCFullYear(), yield* project.keys(), yield* project.get("_budget", Schema.Finite))
  }).pipe(
    Effect.provide(MemoryStore.layerMemory),
    Effect.provide(TestModel.layer({
      researcher: [
        TestModel.toolCall("store_memory", { key: "bees", value: "Bees dance to say where flowers are." }),
        TestModel.text("Done.")
      ],
      writer: [
        TestModel.toolCall("list_memory_keys", {}),
        TestModel.toolCall("search_memory", { query: "how do bees talk" }),
        TestModel.text("Bees dance to talk.")
      ]
    }))
  )
)
