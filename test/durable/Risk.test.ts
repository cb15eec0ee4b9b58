import { assert, describe, it } from "@effect/vitest"
import { Context, Schema } from "effect"
import { Tool } from "effect/ai"
import { Agent, Risk, Task } from "fluxion"

const risks = ["read", "write", "exec", "external"] as const

const annotated = (readonly?: boolean, destructive?: boolean, openWorld?: boolean) => {
  let context = Context.empty() as Context.Context<any>
  if (readonly !== undefined) context = Context.add(context, Tool.Readonly, readonly)
  if (destructive !== undefined) context = Context.add(context, Tool.Destructive, destructive)
  if (openWorld !== undefined) context = Context.add(context, Tool.OpenWorld, openWorld)
  return Risk.fromAnnotations(context as Context.Context<never>)
}

describe("Risk", () => {
  for (const risk of risks) {
    it(`${risk} becomes annotations that say ${risk} again`, () => {
      assert.strictEqual(Risk.fromAnnotations(Risk.toAnnotations(risk)), risk)
    })
  }

  it("a foreign tool's annotations say what they declare, and nothing by their defaults", () => {
    assert.isUndefined(annotated())
    assert.isUndefined(Risk.fromAnnotations(Tool.make("t").annotations))
    assert.strictEqual(annotated(true), "read")
    assert.strictEqual(annotated(true, true, true), "read", "Destructive means nothing where Readonly is set")
    assert.strictEqual(annotated(false), "write")
    assert.strictEqual(annotated(undefined, true), "write")
    assert.strictEqual(annotated(undefined, false), "write")
    assert.strictEqual(annotated(undefined, undefined, true), "external")
    assert.strictEqual(annotated(false, false, true), "external")
    assert.strictEqual(annotated(false, true, true), "exec")
    assert.isUndefined(annotated(undefined, undefined, false))
  })

  it("a task's risk is annotated on the tool that it is", () => {
    for (const risk of risks) {
      const task = Task.make("t", { payload: { x: Schema.String }, success: Schema.String, risk, run: ({ x }) => x })
      assert.strictEqual(task.risk, risk)
      assert.strictEqual(task.with({ description: "d" }).risk, risk)
      assert.doesNotThrow(() => Agent.make("a", { instructions: "i", tools: [task] }))
    }
  })
})
