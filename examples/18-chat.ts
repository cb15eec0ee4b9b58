/**
 * A chat: each message is a run on a conversation, which goes on from what was said before. Its memory bounds what the
 * model is sent, and puts a summary in the place of what would be too much; the conversation keeps all of it.
 *
 *   npm run example 18
 */
import { Layer } from "effect"
import { Agent, Conversations, Effect, Tokens, WorkingMemory } from "fluxion"
import { TestModel } from "fluxion/testing"

const assistant = Agent.make("assistant", {
  instructions: "You plan journeys.",
  memory: WorkingMemory.make({ maxTokens: 180, compact: true })
})

const asked = ["I am Ada. Plan a week in Japan.", "By train?", "And food?", "What is my name, and where do I go?"]

const long = "Tokyo, Nikko, Kyoto, Nara and Hiroshima, with a day for each, and two in Kyoto, which is worth it. "
  .repeat(4)

await Effect.runPromise(
  Effect.gen(function*() {
    for (const message of asked) {
      const { output, usage } = yield* assistant.result(message, { conversation: "chat-42" })
      console.log(`> ${message}\n${output.slice(0, 60)}\n  (${usage.inputTokens.total} tokens in)`)
    }

    // how much the model was sent each time, a model that sums up among them
    for (const { prompt } of yield* TestModel.requests) {
      const tokens = prompt.content.reduce((sum, message) => sum + Tokens.ofMessage(message), 0)
      console.log(prompt.content.map(({ role }) => role).join(" "), `~${tokens} tokens`)
    }

    const conversations = yield* Conversations.Conversations
    const { messages, summary } = yield* conversations.history("chat-42")
    console.log(messages.length, "messages are kept;", summary?.text)
    // a chat that takes another turn from its second answer on
    yield* conversations.fork("chat-42", "chat-43", { upTo: messages[3]!.id })
    console.log(
      (yield* conversations.list({ limit: 10 })).map(({ conversation, messages }) => [conversation, messages])
    )
  }).pipe(
    // for keeps: Conversations.layerSql on Sqlite.layer({ filename: "chat.db" })
    Effect.provide(Layer.merge(
      Conversations.layerMemory,
      TestModel.layer([
        TestModel.text(long),
        TestModel.text("Yes, with a rail pass."),
        TestModel.text("Ada goes to Japan for a week: Tokyo, Nikko, Kyoto, Nara, Hiroshima, by train."),
        TestModel.text("Ramen, and more ramen."),
        TestModel.text("Ada. To Japan.")
      ])
    ))
  )
)
