import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Layer, Schema } from "effect"
import { Prompt, Tool, Toolkit } from "effect/ai"
import { Agent, type AgentError, Task, Toolbox } from "fluxion"
import { TestModel } from "fluxion/testing"
import { collect, only } from "../support/Events.ts"
import { results, told } from "../support/Messages.ts"

class Index extends Context.Service<Index, { readonly find: (query: string) => string }>()("test/Index") {
  static readonly layer = Layer.succeed(Index, { find: (query) => `found ${query}` })
}
class Down extends Schema.TaggedError<Down>()("Down", { since: Schema.Date }) {}

const Query = Schema.Struct({ query: Schema.String, at: Schema.optionalKey(Schema.Date) })
const search = Tool.make("search", {
  description: "Finds.",
  parameters: Query,
  success: Schema.String,
  dependencies: [Index]
})
const kit = Toolkit.make(search)
const handlers = {
  search: ({ at, query }: typeof Query.Type) =>
    Index.use((index) => Effect.succeed(index.find(query) + (at instanceof Date ? ` in ${at.getUTCFullYear()}` : "")))
}

const says = (...turns: ReadonlyArray<TestModel.Turn>) => Effect.provide(TestModel.layer(turns))

/** Runs an agent whose model makes one call. */
const once = <R = never>(tools: ReadonlyArray<Toolbox.ToolInput>, name: string, params: unknown) => {
  const agent = Agent.make("a", { instructions: "i", tools }) as unknown as Agent.Agent<"a", string, R>
  return Effect.gen(function*() {
    const { events, exit } = yield* collect(agent.stream("go"))
    const requests = yield* TestModel.requests
    return {
      events,
      exit,
      told: requests.length < 2 ? undefined : told(requests[1]!.prompt.content)[0]![1],
      part: requests.length < 2 ? undefined : results(requests[1]!.prompt.content)[0]!,
      tools: requests[0]!.tools
    }
  }).pipe(says(TestModel.toolCall(name, params), TestModel.text("done")))
}

/** The same for a call that ends the run. */
const refused = (tools: ReadonlyArray<Toolbox.ToolInput>, name: string, params: unknown) =>
  Agent.make("a", { instructions: "i", tools })("go").pipe(
    says(TestModel.toolCall(name, params)),
    Effect.exit
  ) as Effect.Effect<Exit.Exit<string, AgentError.AgentError>>

describe("tools", () => {
  describe("of effect/ai are called wherever their handlers are", () => {
    const params = { query: "x", at: "2026-01-01T00:00:00.000Z" }

    it.effect("bound where the agent is made", () =>
      Effect.gen(function*() {
        const { told, tools } = yield* once([Toolbox.make(kit, handlers)], "search", params)
        assert.strictEqual(told, "found x in 2026")
        assert.strictEqual(Tool.getDescription(tools[0]!), "Finds.")
      }).pipe(Effect.provide(Index.layer)))

    it.effect("in the context, by toLayer", () =>
      Effect.gen(function*() {
        const { told } = yield* once([kit], "search", params)
        assert.strictEqual(told, "found x in 2026")
        const single = yield* once([search], "search", { query: "y" })
        assert.strictEqual(single.told, "found y")
      }).pipe(Effect.provide(Layer.mergeAll(kit.toLayer(handlers), Index.layer))))

    it.effect("hidden in a Toolkit with its handlers", () =>
      Effect.gen(function*() {
        const withHandler = yield* Effect.provide(kit, kit.toLayer(handlers))
        const { told } = yield* once([withHandler], "search", params)
        assert.strictEqual(told, "found x in 2026")
      }).pipe(Effect.provide(Index.layer)))

    it.effect("a bound one keeps its handler, though another toolkit's tool of that name is in the context", () =>
      Effect.gen(function*() {
        const other = Toolkit.make(
          Tool.make("search", { parameters: Schema.Struct({ query: Schema.String }), success: Schema.String })
        )
        const bound = Toolbox.make(other, { search: () => Effect.succeed("bound") })
        assert.strictEqual((yield* once([bound], "search", params)).told, "bound")
      }).pipe(Effect.provide(Layer.mergeAll(kit.toLayer(handlers), Index.layer))))

    it.effect("two agents that need handlers of one name by different toolkits are warned of it", () =>
      Effect.gen(function*() {
        const other = Toolkit.make(Tool.make("search", { parameters: Query, success: Schema.String }))
        const inner = Agent.make("inner", { instructions: "i", tools: [other] })
        const outer = Agent.make("outer", { instructions: "i", tools: [kit, inner] })
        const { warnings } = yield* outer.result("go").pipe(says(TestModel.text("done")))
        assert.match(warnings[0]!.message, /search/)
        const bound = Agent.make("inner", { instructions: "i", tools: [Toolbox.make(other, handlers)] })
        const fine = yield* outer.with({ tools: [kit, bound] }).result("go").pipe(says(TestModel.text("done")))
        assert.deepStrictEqual(fine.warnings, [])
      }).pipe(Effect.provide(Layer.mergeAll(kit.toLayer(handlers), Index.layer))))
  })

  describe("fail as their failureMode says", () => {
    const since = new Date(0)
    for (const failureMode of ["error", "return"] as const) {
      const failing = Toolkit.make(
        Tool.make("f", { parameters: Tool.EmptyParams, success: Schema.Void, failure: Down, failureMode })
      )
      const down = { f: () => Effect.fail(new Down({ since })) }
      it.effect(`${failureMode}: the model sees the ${failureMode === "return" ? "encoded failure" : "words"}`, () =>
        Effect.gen(function*() {
          const hidden = yield* Effect.provide(failing, failing.toLayer(down))
          for (const tools of [[Toolbox.make(failing, down)], [hidden]]) {
            const { events, part } = yield* once(tools, "f", {})
            assert.isTrue(part!.isFailure)
            if (failureMode === "return") {
              assert.deepStrictEqual(part!.result, { _tag: "Down", since: since.toISOString() })
            } else assert.include(String(part!.result), "Down")
            assert.include(only(events, "ToolFailed")[0]!.cause, "Down")
            assert.strictEqual(only(events, "RunCompleted").length, 1)
          }
        }))
    }

    it.effect("a defect and a result that breaks the Schema are told as text in either mode", () =>
      Effect.gen(function*() {
        for (const failureMode of ["error", "return"] as const) {
          const kit = Toolkit.make(
            Tool.make("dies", { parameters: Tool.EmptyParams, success: Schema.Void, failureMode }),
            Tool.make("odd", { parameters: Tool.EmptyParams, success: Schema.Finite, failureMode })
          )
          const box = { dies: () => Effect.die(new Error("disk full")), odd: () => Effect.succeed(NaN) }
          const hidden = yield* Effect.provide(kit, kit.toLayer(box))
          for (const tools of [[Toolbox.make(kit, box)], [hidden]]) {
            assert.strictEqual((yield* once(tools, "dies", {})).told, "disk full")
            const odd = yield* once(tools, "odd", {})
            assert.isTrue(odd.part!.isFailure)
            assert.match(String(odd.told), /NaN|finite/)
          }
        }
      }))
  })

  it.effect("preliminary results are progress; the last one is the result", () =>
    Effect.gen(function*() {
      const kit = Toolkit.make(Tool.make("p", { parameters: Tool.EmptyParams, success: Schema.String }))
      const slow = {
        p: (_: {}, { preliminary }: Toolkit.HandlerContext<typeof kit.tools.p>) =>
          Effect.as(Effect.andThen(preliminary("10 %"), preliminary("90 %")), "all")
      }
      const hidden = yield* Effect.provide(kit, kit.toLayer(slow))
      for (const tools of [[Toolbox.make(kit, slow)], [hidden]]) {
        const { events, told } = yield* once(tools, "p", {})
        assert.strictEqual(told, "all")
        assert.deepStrictEqual(only(events, "ToolProgress").map(({ name, value }) => [name, value]), [
          ["p", "10 %"],
          ["p", "90 %"]
        ])
        assert.strictEqual(only(events, "ToolReturned").length, 1)
      }
    }))

  it.effect("toModelOutput makes what the model is shown; the event has the result", () =>
    Effect.gen(function*() {
      const image = Prompt.makePart("file", { mediaType: "image/png", data: new Uint8Array([1]) })
      const shot = Tool.make("shot", {
        parameters: Tool.EmptyParams,
        success: Schema.Struct({ path: Schema.String }),
        toModelOutput: ({ path }) => [Prompt.makePart("text", { text: path.repeat(5) }), image]
      })
      const kit = Toolkit.make(shot)
      const box = { shot: () => Effect.succeed({ path: "x".repeat(20_000) }) }
      const hidden = yield* Effect.provide(kit, kit.toLayer(box))
      for (const tools of [[Toolbox.make(kit, box)], [hidden]]) {
        const { events, part } = yield* once(tools, "shot", {})
        assert.strictEqual(part!.modelOutput?.[1], image)
        const [text] = part!.modelOutput!
        assert.match((text as Prompt.TextPart).text, /^x{65536}\n\[Result cut: .* of 100000 /)
        assert.deepStrictEqual(only(events, "ToolReturned")[0]!.result, { path: "x".repeat(20_000) })
      }
    }))

  describe("that need an approval", () => {
    let ran = 0
    const box = (needsApproval: Tool.NeedsApproval<any>) => {
      const kit = Toolkit.make(
        Tool.make("pay", {
          parameters: Schema.Struct({ amount: Schema.Finite }),
          success: Schema.String,
          needsApproval
        })
      )
      return [Toolbox.make(kit, { pay: ({ amount }) => Effect.sync(() => `${++ran} paid ${amount}`) })]
    }
    const reason = (exit: Exit.Exit<string, AgentError.AgentError>) =>
      Exit.isFailure(exit) ? (Cause.squash(exit.cause) as AgentError.AgentError).reason : undefined

    it.effect("fail closed: it does not run, and the run ends with NoApprover", () =>
      Effect.gen(function*() {
        for (
          const needs of [
            true,
            () => true,
            ({ amount }: { readonly amount: number }) => amount > 100,
            () => Effect.succeed(true)
          ]
        ) {
          const exit = yield* refused(box(needs), "pay", { amount: 101 })
          assert.deepInclude(reason(exit), { _tag: "NoApprover", tool: "pay" })
        }
        const task = Task.make("pay", { payload: {}, success: Schema.Void, approval: true, run: () => void ran++ })
        assert.deepInclude(reason(yield* refused([task], "pay", {})), { _tag: "NoApprover", tool: "pay" })
        assert.strictEqual(ran, 0)
      }))

    it.effect("run where none is needed for these arguments; arguments are checked first", () =>
      Effect.gen(function*() {
        const asked: Array<unknown> = []
        const tools = box((params: unknown, context: Tool.NeedsApprovalContext) => {
          asked.push([params, context.toolCallId, context.messages.length])
          return Effect.succeed(false)
        })
        assert.match(String((yield* once(tools, "pay", { amount: 1 })).told), /paid 1/)
        assert.deepStrictEqual(asked, [[{ amount: 1 }, "call_1", 3]])
        assert.match(String((yield* once(box(true), "pay", { amount: "much" })).told), /amount/)
      }))
  })

  it.effect("dynamic tools take what their JSON Schema says, undecoded", () =>
    Effect.gen(function*() {
      const dynamic = Tool.dynamic("remote", {
        description: "A tool of somebody else.",
        parameters: { type: "object", properties: { x: { type: "number" } } }
      })
      const seen: Array<unknown> = []
      const box = Toolbox.make(Toolkit.make(dynamic), {
        remote: (params: unknown) =>
          Effect.sync(() => {
            seen.push(params)
            return { got: params }
          })
      } as never)
      const { told, tools } = yield* once([box], "remote", { x: 1, more: [true] })
      assert.deepStrictEqual(seen, [{ x: 1, more: [true] }])
      assert.deepStrictEqual(told, { got: { x: 1, more: [true] } })
      assert.deepNestedInclude(Tool.getJsonSchema(tools[0]!), { "properties.x.type": "number" })
      assert.match(String((yield* once([box], "remote", "{oops")).told), /invalid.*\{oops/)
    }))

  it.effect("of the vendor are declared, and what the vendor did with them is in the history, and not run here", () =>
    Effect.gen(function*() {
      const webSearch = Tool.providerDefined({
        id: "openai.web_search",
        customName: "OpenAiWebSearch",
        providerName: "web_search",
        args: Schema.Struct({ depth: Schema.String }),
        parameters: Schema.Struct({ query: Schema.String }),
        success: Schema.Unknown
      })({ depth: "low" })
      const agent = Agent.make("a", { instructions: "i", tools: [webSearch] })
      const searched = TestModel.stream([
        { type: "tool-call", id: "ws1", name: "OpenAiWebSearch", params: { query: "x" }, providerExecuted: true },
        {
          type: "tool-result",
          id: "ws1",
          name: "OpenAiWebSearch",
          result: ["hit"],
          isFailure: false,
          providerExecuted: true
        },
        "It is so."
      ])
      const result = yield* agent.result("go").pipe(says(searched))
      assert.strictEqual(result.output, "It is so.")
      assert.strictEqual(result.toolCalls, 0)
      assert.deepStrictEqual((result.messages[1]!.content as ReadonlyArray<Prompt.Part>).map((part) => part.type), [
        "tool-call",
        "tool-result",
        "text"
      ])
    }))

  it.effect("a task without success gives what it returns, nothing included", () =>
    Effect.gen(function*() {
      const plain = Task.make("t", { payload: {}, run: () => Promise.resolve({ n: 1 }) })
      assert.deepStrictEqual((yield* once([plain], "t", {})).told, { n: 1 })
      const nothing = Task.make("t", { payload: {}, run: () => {} })
      assert.isNull((yield* once([nothing], "t", {})).told)
      const odd = Task.make("t", { payload: {}, run: () => ({ rows: [1n] }) })
      assert.match(String((yield* once([odd], "t", {})).told), /not JSON: a bigint at \$\.rows\[0\]/)
    }))

  it.effect("a task with a payload that is no struct, and one with defaults, are called as their Schema decodes", () =>
    Effect.gen(function*() {
      const defaults = Task.make("t", {
        payload: { n: Schema.Finite.pipe(Schema.withDecodingDefault(Effect.succeed(7))) },
        success: Schema.Finite,
        run: ({ n }) => n
      })
      assert.strictEqual((yield* once([defaults], "t", {})).told, 7)
      const union = Task.make("t", {
        payload: Schema.Union([
          Schema.Struct({ kind: Schema.Literal("a"), a: Schema.String }),
          Schema.Struct({ kind: Schema.Literal("b"), b: Schema.Finite })
        ]),
        success: Schema.String,
        run: (payload) => payload.kind === "a" ? payload.a : `${payload.b}`
      })
      assert.strictEqual((yield* once([union], "t", { kind: "b", b: 3 })).told, "3")
    }))

  it.effect("a mocked task is mocked for agents too", () =>
    Effect.gen(function*() {
      const real = Task.make("t", { payload: {}, success: Schema.String, run: () => "real" })
      const { told } = yield* once([real], "t", {}).pipe(Effect.provide(Task.mock(real, () => "mocked")))
      assert.strictEqual(told, "mocked")
    }))

  it("with names that vendors refuse are refused", () => {
    const odd = Toolkit.make(Tool.make("no spaces", { parameters: Tool.EmptyParams, success: Schema.Void }))
    assert.throws(
      () => Agent.make("a", { instructions: "i", tools: [odd] }),
      /"no spaces" cannot be the name of a tool/
    )
    assert.throws(() => Agent.make("a", { instructions: "i", tools: [{} as never] }), /tools takes Tasks/)
  })
})
