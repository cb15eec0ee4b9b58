import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { Agent, Task, Toolbox } from "fluxion"
import { TestModel } from "fluxion/testing"
import { told } from "../support/Messages.ts"

/** Writes down when each call starts and ends, and how many ran at once. */
const journal = () => {
  const log: Array<string> = []
  let running = 0
  let peak = 0
  const body = ({ id }: { readonly id: string }) =>
    Effect.gen(function*() {
      peak = Math.max(peak, ++running)
      log.push(`${id}(`)
      for (let i = 0; i < 8; i++) yield* Effect.yieldNow
      log.push(`)${id}`)
      running--
      return id
    })
  return { log, body, peak: () => peak }
}

const fields = { payload: { id: Schema.String }, success: Schema.String }

const calls = (...ids: ReadonlyArray<string>) => ids.map((id) => TestModel.toolCall(id.replace(/\d+$/, ""), { id }))

const run = (
  tools: (body: ReturnType<typeof journal>["body"]) => ReadonlyArray<Toolbox.ToolInput>,
  ids: Array<string>,
  options?: { readonly maxConcurrentTools?: number }
) => {
  const { body, log, peak } = journal()
  const agent = Agent.make("a", { instructions: "i", tools: tools(body), maxToolCalls: 100, ...options })
  return Effect.gen(function*() {
    const result = yield* agent.result("go")
    assert.deepStrictEqual(told(result.messages).map(([, id]) => id), ids, "results come back in the order asked")
    assert.strictEqual(log.length, 2 * ids.length)
    return { log, peak: peak() }
  }).pipe(Effect.provide(TestModel.layer([calls(...ids), TestModel.text("done")])))
}

describe("P06 reads of a turn run together only between writes, writes run alone and in order", () => {
  const readAndWrite = (body: ReturnType<typeof journal>["body"]) => [
    Task.make("read", { ...fields, risk: "read", run: body }),
    Task.make("write", { ...fields, risk: "write", run: body })
  ]

  it.effect("[read, write, read, write] runs one after the other", () =>
    Effect.gen(function*() {
      const { log } = yield* run(readAndWrite, ["read1", "write1", "read2", "write2"])
      const expected = ["read1(", ")read1", "write1(", ")write1", "read2(", ")read2", "write2(", ")write2"]
      assert.deepStrictEqual(log, expected)
    }))

  it.effect("reads between writes run together, and never beside a write", () =>
    Effect.gen(function*() {
      const { log, peak } = yield* run(readAndWrite, ["read1", "read2", "write1", "write2", "read3", "read4", "read5"])
      assert.deepStrictEqual(log, [
        "read1(",
        "read2(",
        ")read1",
        ")read2",
        "write1(",
        ")write1",
        "write2(",
        ")write2",
        "read3(",
        "read4(",
        "read5(",
        ")read3",
        ")read4",
        ")read5"
      ])
      assert.strictEqual(peak, 3)
    }))

  for (const risk of ["write", "exec", "external"] as const) {
    it.effect(`a tool of risk ${risk} runs alone`, () =>
      Effect.gen(function*() {
        const { peak } = yield* run((body) => [Task.make("act", { ...fields, risk, run: body })], ["act1", "act2"])
        assert.strictEqual(peak, 1)
      }))
  }

  it.effect("a tool that declares nothing but may need approval counts as a write; one that declares nothing does not", () =>
    Effect.gen(function*() {
      const { log } = yield* run((body) => [
        Task.make("free", { ...fields, run: body }),
        Task.make("ask", { ...fields, approval: ({ id }) => id === "never", run: body })
      ], ["free1", "free2", "ask1", "ask2"])
      const expected = ["free1(", "free2(", ")free1", ")free2", "ask1(", ")ask1", "ask2(", ")ask2"]
      assert.deepStrictEqual(log, expected)
    }))

  it.effect("the annotations of effect/ai say the same: Readonly reads, Destructive and needsApproval write", () => {
    const parameters = Schema.Struct(fields.payload)
    const kit = Toolkit.make(
      Tool.make("look", { parameters, success: Schema.String }).annotate(Tool.Readonly, true),
      Tool.make("drop", { parameters, success: Schema.String }).annotate(Tool.Destructive, true),
      Tool.make("ask", { parameters, success: Schema.String, needsApproval: () => false })
    )
    return Effect.gen(function*() {
      const { log } = yield* run(
        (body) => [Toolbox.make(kit, { look: body, drop: body, ask: body })],
        ["look1", "look2", "drop1", "look3", "ask1"]
      )
      assert.deepStrictEqual(log, [
        "look1(",
        "look2(",
        ")look1",
        ")look2",
        "drop1(",
        ")drop1",
        "look3(",
        ")look3",
        "ask1(",
        ")ask1"
      ])
    })
  })

  it.effect("maxConcurrentTools bounds how many run at once, by default 8", () =>
    Effect.gen(function*() {
      const ids = Array.from({ length: 20 }, (_, i) => `read${i}`)
      assert.strictEqual((yield* run(readAndWrite, ids)).peak, 8)
      assert.strictEqual((yield* run(readAndWrite, ids, { maxConcurrentTools: 3 })).peak, 3)
      assert.strictEqual((yield* run(readAndWrite, ids, { maxConcurrentTools: 1 })).peak, 1)
    }))
})
