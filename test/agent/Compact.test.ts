import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { AiError, type LanguageModel, Prompt } from "effect/ai"
import { Agent, Conversations, type Driver, Task, Tokens, WorkingMemory } from "fluxion"
import { TestModel } from "fluxion/testing"
import * as Compact from "../../src/agent/Compact.ts"
import * as Messages from "../support/Messages.ts"
import * as Scripted from "../support/Scripted.ts"

const text = (words: number, word = "word") => Array.from({ length: words }, () => word).join(" ")
const user = (said: string) => Prompt.userMessage({ content: [Prompt.textPart({ text: said })] })
const said = (answer: string) => Prompt.assistantMessage({ content: [Prompt.textPart({ text: answer })] })

const look = Task.make("look", {
  payload: { n: Schema.Finite },
  success: Schema.String,
  run: ({ n }) => Effect.succeed(`${n}: ${text(400)}`)
})

const assistant = Agent.make("assistant", {
  instructions: "You help.",
  tools: [look],
  memory: WorkingMemory.make({ maxTokens: 1_000, compact: true })
})

/** What each request said, in short. */
const requests = Effect.map(
  TestModel.requests,
  (all) =>
    all.map(({ prompt, tools }) => ({
      tools: tools.length,
      tokens: Compact.tokensOf(prompt.content) + Tokens.ofTools(tools),
      roles: prompt.content.map(({ role }) => role[0]).join(""),
      content: prompt.content
    }))
)

const live = <A, E>(
  script: TestModel.Script,
  effect: Effect.Effect<A, E, LanguageModel.LanguageModel | TestModel.TestModel | Conversations.Conversations>
) => Effect.provide(effect, Layer.merge(TestModel.layer(script), Conversations.layerMemory))

const chat = (turns: number) =>
  Array.from({ length: turns }, (_, n) => [user(`question ${n} ${text(30)}`), said(`answer ${n} ${text(30)}`)]).flat()

describe("a memory that compacts", () => {
  it.effect("puts a summary in the place of the oldest messages, charges it, and keeps it with the conversation", () =>
    live(
      [TestModel.text("They counted to 5."), TestModel.text("Fine."), TestModel.text("Still fine.")],
      Effect.gen(function*() {
        const store = yield* Conversations.Conversations
        yield* store.append("a", { messages: chat(12), by: "test" })
        const { turns, usage } = yield* assistant.result("And now?", { conversation: "a" })
        const [summing, first] = yield* requests
        // the model that sums up has no tools, and is told what goes
        assert.strictEqual(summing!.tools, 0)
        const told = Messages.texts(summing!.content).join("\n")
        assert.include(told, "user: question 0")
        assert.notInclude(told, "question 11")
        assert.match(first!.roles, /^suu/)
        const [, summary, next] = Messages.texts(first!.content)
        assert.include(summary, "They counted to 5.")
        assert.match(next!, /^question \d+/)
        assert.isAtMost(first!.tokens, 1_000)
        assert.strictEqual(turns, 1)
        const each = (yield* assistant.result("Now?", { conversation: "a" })).usage.inputTokens.total!
        assert.isAbove(usage.inputTokens.total!, each)
        // the next run is given the summary, and makes none
        const [, , second, more] = yield* requests
        assert.isUndefined(more)
        assert.include(Messages.texts(second!.content)[1], "They counted to 5.")
        // all that was said is kept
        const { messages, summary: kept } = yield* store.history("a")
        assert.strictEqual(messages.length, 28)
        assert.strictEqual(kept!.text, "They counted to 5.")
        assert.strictEqual(messages.find(({ id }) => id === kept!.upTo + 1)!.message.role, "user")
        const { prompt } = yield* assistant.prompt("Well?", { conversation: "a" })
        assert.include(Messages.texts(prompt.content)[1], "They counted to 5.")
      })
    ))

  it.effect("shortens old results first, then sums up the run's own oldest turns, in the middle of its loop", () => {
    const all: Array<Driver.ModelRequest> = []
    const tokensOf = ({ prompt, tools }: Driver.ModelRequest) =>
      Compact.tokensOf(prompt.content) + Tokens.ofTools(tools)
    let calls = 0
    const model = Scripted.layer((request) => {
      // the history of a run grows, and is not copied
      all.push({ ...request, prompt: Prompt.fromMessages(request.prompt.content.slice()) })
      if (request.tools.length === 0) return Scripted.parts(Scripted.say(["Looked at some."]))
      return Scripted.parts(++calls > 12 ? Scripted.say(["Done."]) : Scripted.calls([["look", { n: calls }]]))
    })
    return Effect.gen(function*() {
      const loop = assistant.with({
        memory: WorkingMemory.make({ maxTokens: 1_500, compact: { at: 0.8 } }),
        maxToolCalls: 20
      })
      const { messages } = yield* loop.result("Look often.")
      const summing = all.findIndex(({ tools }) => tools.length === 0)
      const before = Messages.results(all[summing - 1]!.prompt.content)
      assert.match(String(before[0]!.result), /^1: word .*\[An old result: the first 400 of/s)
      assert.notInclude(String(before.at(-1)!.result), "An old result")
      // what was asked, what was done since, the latest turns
      const after = all[summing + 1]!.prompt.content
      assert.match(after.map(({ role }) => role[0]).join(""), /^suuat/)
      assert.include(Messages.texts(after)[1], "Look often.")
      assert.include(Messages.texts(after)[2], "Looked at some.")
      // the second summary is of the first one, too
      const again = all.findLast(({ tools }) => tools.length === 0)!
      assert.notStrictEqual(again, all[summing])
      assert.include(Messages.texts(again.prompt.content)[1], "Summed up before:\nLooked at some.")
      for (const request of all) {
        assert.isAtMost(tokensOf(request), 1_500)
        Messages.assertLegal(request.prompt.content.slice(1))
      }
      // the run's own messages are as they were
      assert.strictEqual(Messages.results(messages).filter(({ result }) => String(result).length > 1_900).length, 12)
    }).pipe(Effect.provide(model))
  })

  it.effect("sums up as it is told to, and goes on where that fails", () => {
    return live(
      [TestModel.fail(new AiError.AuthenticationError({ kind: "InvalidKey" })), TestModel.text("Fine.")],
      Effect.gen(function*() {
        const history = Prompt.fromMessages(chat(12))
        const failing = assistant.with({
          modelRetry: { times: 0 },
          memory: WorkingMemory.make({ maxTokens: 1_000, compact: { instructions: "Be brief." } })
        })
        const { output, warnings } = yield* failing.result("And now?", { history })
        assert.strictEqual(output, "Fine.")
        assert.deepStrictEqual(warnings.map(({ code }) => code), ["summary-failed"])
        const [summing, first] = yield* requests
        assert.strictEqual(summing!.content[0]!.content, "Be brief.")
        // what is too much is left out
        assert.isAtMost(first!.tokens, 1_000)
        // by the model that it names, which nobody gives here
      })
    )
  })

  it.effect("fails where nobody gives the model that is to sum up", () =>
    Effect.gen(function*() {
      const memory = WorkingMemory.make({ maxTokens: 1_000, compact: { model: "test/small" } })
      const error = yield* Effect.flip(
        assistant.with({ memory })("And now?", { history: Prompt.fromMessages(chat(12)) })
      )
      assert.strictEqual(error.reason._tag, "ModelUnresolved")
      assert.include(error.message, "test/small")
    }).pipe(Effect.provide(Scripted.layer(() => Scripted.parts(Scripted.say(["ok"]))))))

  it("is a TypeError where it does not say how much", () => {
    assert.throws(() => WorkingMemory.make({ compact: true }), /give it maxTokens/)
    assert.throws(() => WorkingMemory.make({ maxTokens: 10, compact: { at: 2 } }), /at of a WorkingMemory is 2/)
  })
})

describe("a view of a history", () => {
  it("is the history itself while nothing is in the place of anything", () => {
    const messages = [Prompt.systemMessage({ content: "i" }), ...chat(2), user("Now?")]
    const whole = { messages, instructions: 1, asked: 5 }
    assert.strictEqual(Compact.apply(whole, Compact.begin(whole, undefined)).messages, messages)
  })

  it("parts no call from its results, and keeps what was asked and the latest turn, wherever it is cut", () => {
    const calls = (id: string) =>
      Prompt.assistantMessage({
        content: [
          Prompt.reasoningPart({ text: "Hm.", options: { anthropic: { signature: "c2ln" } } }),
          Prompt.toolCallPart({ id, name: "look", params: {}, providerExecuted: false })
        ]
      })
    const result = (id: string) =>
      Prompt.toolMessage({
        content: [Prompt.toolResultPart({
          id,
          name: "look",
          isFailure: false,
          result: text(300),
          providerExecuted: false
        })]
      })
    const before = [user("A?"), calls("1"), result("1"), said("A."), user("B?"), said("B.")]
    const own = [user("C?"), calls("2"), result("2"), calls("3"), result("3"), calls("4"), result("4")]
    const whole = {
      messages: [Prompt.systemMessage({ content: "i" }), ...before, ...own],
      instructions: 1,
      asked: 7
    }
    const all = Compact.tokensOf(whole.messages)
    let least = Infinity
    for (let keep = 0; keep <= all; keep += 7) {
      const view = Compact.begin(whole, undefined)
      const cut = Compact.cut(whole, view, { fixed: 0, keep })
      const { messages } = cut === undefined ? whole : Compact.apply(whole, {
        ...view,
        ...cut,
        earlier: cut.from > view.from ? Compact.summary("then") : undefined,
        since: cut.resumed > view.resumed ? Compact.summary("since") : undefined
      })
      Messages.assertLegal(messages.slice(1))
      assert.strictEqual(messages[1]!.role, "user")
      assert.include(Messages.texts(messages), "C?")
      assert.deepStrictEqual(messages.slice(-2), own.slice(-2))
      least = Math.min(least, messages.length)
    }
    assert.strictEqual(least, 6)
  })
})
