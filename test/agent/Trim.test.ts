import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Prompt } from "effect/ai"
import { Agent, LongTermMemory, MemoryStore, Task, Tokens, WorkingMemory } from "fluxion"
import { TestModel } from "fluxion/testing"
import * as Trim from "../../src/agent/Trim.ts"

const user = (text: string) => Prompt.userMessage({ content: [Prompt.textPart({ text })] })
const says = (text: string) => Prompt.assistantMessage({ content: [Prompt.textPart({ text })] })
const turn = (id: string, calls: number): ReadonlyArray<Prompt.Message> => {
  if (calls === 0) return [says(`says ${id}`)]
  const ids = Array.from({ length: calls }, (_, index) => `${id}-${index}`)
  return [
    Prompt.assistantMessage({
      content: ids.map((id) => Prompt.toolCallPart({ id, name: "t", params: { id }, providerExecuted: false }))
    }),
    // some drivers keep a message a result, some one for all
    ...calls % 2 === 0
      ? [
        Prompt.toolMessage({
          content: ids.map((id) =>
            Prompt.toolResultPart({ id, name: "t", isFailure: false, result: id, providerExecuted: false })
          )
        })
      ]
      : ids.map((id) =>
        Prompt.toolMessage({
          content: [Prompt.toolResultPart({ id, name: "t", isFailure: false, result: id, providerExecuted: false })]
        })
      )
  ]
}

const Calls = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))
const Size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 400 }))
const Case = {
  before: Schema.Array(Schema.Array(Calls)),
  own: Schema.Array(Calls),
  window: Schema.UndefinedOr(Size),
  maxTokens: Schema.UndefinedOr(Size),
  hasInstructions: Schema.Boolean
}

const system = Prompt.systemMessage({ content: "Be brief." })

/** A history, and what of it is the run's own. */
const build = (before: ReadonlyArray<ReadonlyArray<number>>, own: ReadonlyArray<number>, hasInstructions: boolean) => {
  const earlier = before.flatMap((turns, index) => [
    user(`question ${index}`),
    ...turns.flatMap((calls, n) => turn(`${index}.${n}`, calls))
  ])
  const asked = user("the newest")
  const messages = [
    ...hasInstructions ? [system] : [],
    ...earlier,
    asked,
    ...own.flatMap((calls, n) => turn(`own.${n}`, calls))
  ]
  return { messages, asked: messages.indexOf(asked), instructions: hasInstructions ? 1 : 0 }
}

const tokensOf = (messages: ReadonlyArray<Prompt.Message>) =>
  messages.reduce((sum, message) => sum + Tokens.ofMessage(message), 0)

const idsOf = (messages: ReadonlyArray<Prompt.Message>, type: "tool-call" | "tool-result") =>
  messages.flatMap(({ content }) =>
    typeof content === "string" ? [] : content.flatMap((part) => part.type === type ? [part.id] : [])
  )

describe("a history that is trimmed", () => {
  it.effect.prop(
    "keeps calls and results together, what was asked, and the instructions; it begins with a user",
    Case,
    (of) =>
      Effect.sync(() => {
        const { asked, instructions, messages } = build(of.before, of.own, of.hasInstructions)
        const { maxTokens, window } = of
        const kept = Trim.trim(messages, { window, maxTokens, instructions, asked, fixed: 7 })
        const rest = kept.messages.slice(instructions)
        assert.deepStrictEqual(idsOf(rest, "tool-call"), idsOf(rest, "tool-result"))
        assert.deepStrictEqual(kept.messages.slice(0, instructions), messages.slice(0, instructions))
        assert.strictEqual(rest[0]!.role, "user")
        assert.include(rest, messages[asked]!)
        // in the order in which they were, and the latest turn among them
        assert.deepStrictEqual(messages.filter((message) => kept.messages.includes(message)), kept.messages)
        assert.strictEqual(kept.messages.at(-1), messages.at(-1))
        const isWithin = rest.length <= (window ?? Infinity) && tokensOf(kept.messages) + 7 <= (maxTokens ?? Infinity)
        assert.strictEqual(kept.fits, isWithin)
        // nothing went that had room
        if (maxTokens === undefined && window === undefined) assert.strictEqual(kept.messages, messages)
        if (kept.messages === messages) return
        const [first] = rest
        const before = messages.slice(instructions, messages.indexOf(first!))
        const cut = before.findLastIndex(({ role }) => role === "user")
        if (!kept.fits || cut < 0 || rest.length !== messages.length - messages.indexOf(first!)) return
        const more = [...before.slice(cut), ...rest]
        assert.isTrue(
          more.length > (window ?? Infinity) ||
            tokensOf(more) + tokensOf(messages.slice(0, instructions)) + 7 > (maxTokens ?? Infinity)
        )
      })
  )

  it("drops the oldest turns of a run whose own are too many, never the latest", () => {
    const { asked, instructions, messages } = build([[0]], [1, 2, 1, 3], true)
    const kept = Trim.trim(messages, { window: 6, instructions, asked, fixed: 0 })
    assert.deepStrictEqual(idsOf(kept.messages, "tool-call"), ["own.3-0", "own.3-1", "own.3-2"])
    assert.isTrue(kept.fits)
    const little = Trim.trim(messages, { window: 1, instructions, asked, fixed: 0 })
    assert.deepStrictEqual(little.messages.map(({ role }) => role), [
      "system",
      "user",
      "assistant",
      "tool",
      "tool",
      "tool"
    ])
    assert.isFalse(little.fits)
  })
})

describe("tokens are estimated", () => {
  it("somewhat high for English, and by character for scripts that need it", () => {
    assert.strictEqual(Tokens.ofText(""), 0)
    // OpenAI's o200k has 34
    assert.strictEqual(
      Tokens.ofText(`{"city":"Tokyo","temperature":22.5,"time":"2001-09-09T01:46:40.000Z","sunny":true}`),
      37
    )
    assert.strictEqual(Tokens.ofText("The quick brown fox jumps over the lazy dog."), 11)
    assert.strictEqual(Tokens.ofText("東京都に住んでいます。"), 8)
    const file = Prompt.userMessage({ content: [Prompt.filePart({ mediaType: "image/png", data: "AAAA" })] })
    assert.strictEqual(Tokens.ofMessage(file), 1504)
  })
})

describe("an agent with a memory policy", () => {
  const history = Prompt.fromMessages(build([[0], [0], [0], [0]], [], false).messages.slice(0, -1))
  const roles = Effect.map(
    TestModel.requests,
    (requests) => requests.map(({ prompt }) => prompt.content.map(({ role }) => role[0]).join(""))
  )

  it.effect("sends no more than its window, and has the whole history in its result", () =>
    Effect.gen(function*() {
      const agent = Agent.make("a", { instructions: "Help.", memory: WorkingMemory.make({ window: 4 }) })
      const { messages, warnings } = yield* agent.result("Now?", { history })
      assert.deepStrictEqual(yield* roles, ["suau"])
      assert.deepStrictEqual([messages.length, warnings], [10, []])
    }).pipe(Effect.provide(TestModel.layer([TestModel.text("Yes.")]))))

  it.effect("counts instructions and tools, and says when what has to be sent is too much", () =>
    Effect.gen(function*() {
      const agent = Agent.make("a", { instructions: "Help.", memory: WorkingMemory.make({ maxTokens: 300 }) })
      yield* agent("Now?", { history })
      yield* agent.with({ instructions: "x".repeat(1_050) })("Now?", { history })
      const full = yield* agent.with({ instructions: "x".repeat(1_300) }).result("Now?", { history })
      assert.deepStrictEqual(full.warnings.map(({ code }) => code), ["memory-exceeded"])
      const tooled = agent.with({ longTermMemory: LongTermMemory.make({ scope: "s" }) })
      yield* Effect.provide(tooled("Now?", { history }), MemoryStore.layerMemory)
      assert.deepStrictEqual(yield* roles, ["suauauauau", "suau", "su", "su"])
    }).pipe(Effect.provide(TestModel.layer([1, 2, 3, 4].map(() => TestModel.text("Yes."))))))

  it.effect("drops old turns of a long loop, and goes on", () =>
    Effect.gen(function*() {
      const step = Task.make("step", { payload: { n: Schema.Finite }, success: Schema.Finite, run: ({ n }) => n })
      const agent = Agent.make("a", { instructions: "", tools: [step], memory: WorkingMemory.make({ window: 5 }) })
      yield* agent("Count.", { history })
      assert.deepStrictEqual(yield* roles, ["uauau", "uauat", "uatat", "uatat", "uatat"])
    }).pipe(Effect.provide(
      TestModel.layer([...[1, 2, 3, 4].map((n) => TestModel.toolCall("step", { n })), TestModel.text("4")])
    )))

  it.effect("counts by the tokenizer that is given for the model, the longest name that fits first", () =>
    Effect.gen(function*() {
      const agent = Agent.make("a", {
        instructions: "",
        model: "openai/gpt-5",
        memory: WorkingMemory.make({ maxTokens: 60 })
      })
      const history = Prompt.fromMessages(
        Array.from({ length: 30 }, () => Prompt.userMessage({ content: [Prompt.textPart({ text: "one two three" })] }))
      )
      const words = (text: string) => text.split(" ").length
      const sent = (model: string, tokenizers: { readonly [model: string]: (text: string) => number }) =>
        Effect.andThen(
          Effect.provide(agent.with({ model })("one", { history }), Tokens.layer(tokenizers)),
          Effect.map(TestModel.requests, (requests) => requests.at(-1)!.prompt.content.length)
        )
      // 4 more for each message: 5 for what was asked, 7 for each before
      const own = { "openai/gpt-5": words, "openai/": () => 1_000 }
      assert.strictEqual(yield* sent("openai/gpt-5", own), 8)
      assert.strictEqual(yield* sent("openai/gpt-4o", own), 1)
      // by the estimate 8 each
      assert.strictEqual(yield* sent("ollama/llama3.2", own), 7)
    }).pipe(Effect.provide(TestModel.layer([1, 2, 3].map(() => TestModel.text("Yes."))))))

  it("is a TypeError for bounds that are no counts", () => {
    assert.throws(() => WorkingMemory.make({ window: 0 }), /window of a WorkingMemory is 0/)
    assert.throws(() => WorkingMemory.make({ maxTokens: 1.5 }), TypeError)
  })
})
