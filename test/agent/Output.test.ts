import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent } from "fluxion"
import { TestModel } from "fluxion/testing"
import * as PartialJson from "../../src/agent/PartialJson.ts"

const ask = <S extends Schema.Codec<any, any>>(schema: S, answer: string) =>
  Agent.make("a", { instructions: "", output: schema })("go").pipe(Effect.provide(TestModel.layer([
    TestModel.text(answer)
  ])))

class Person extends Schema.Class<Person>("Person")({ name: Schema.String, born: Schema.DateTimeUtcFromString }) {}

interface Tree {
  readonly name: string
  readonly children: ReadonlyArray<Tree>
}
const Tree = Schema.Struct({
  name: Schema.String,
  children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
})

describe("Output", () => {
  it.effect("a root that is no object is wrapped on the wire and unwrapped again", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* ask(Schema.Array(Schema.Int), `{"value":[1,2]}`), [1, 2])
      assert.strictEqual(yield* ask(Schema.Literals(["yes", "no"]), `{"value":"no"}`), "no")
      assert.strictEqual(yield* ask(Schema.Union([Schema.Int, Schema.String]), `{"value":7}`), 7)
    }))

  it.effect("optional fields, records, tuples, brands, classes and recursion come back as their types", () =>
    Effect.gen(function*() {
      const Odd = Schema.Struct({
        maybe: Schema.optionalKey(Schema.String),
        counts: Schema.Record(Schema.String, Schema.Int),
        pair: Schema.Tuple([Schema.String, Schema.Int]),
        id: Schema.String.pipe(Schema.brand("Id"))
      })
      const odd = { counts: { a: 1 }, pair: ["x", 2] as const, id: "i" }
      assert.deepStrictEqual(yield* ask(Odd, JSON.stringify(odd)), odd as never)
      const person = yield* ask(Person, `{"name":"Ada","born":"1815-12-10T00:00:00.000Z"}`)
      assert.instanceOf(person, Person)
      const tree = { name: "a", children: [{ name: "b", children: [] }] }
      assert.deepStrictEqual(yield* ask(Tree, JSON.stringify(tree)), tree)
    }))

  it.effect("an answer in a code fence counts", () =>
    Effect.gen(function*() {
      const fenced = "```json\n{\"value\":[3]}\n```"
      assert.deepStrictEqual(yield* ask(Schema.Array(Schema.Int), fenced), [3])
    }))

  it("a tool cannot take the name of the answer's tool", () => {
    const clash = Agent.make("final_answer", { instructions: "" })
    assert.throws(() => Agent.make("a", { instructions: "", output: Person, tools: [clash] }), /final_answer/)
  })

  it.effect.prop(
    "JSON cut anywhere gives a part of the whole",
    { value: Schema.Json },
    ({ value: raw }) =>
      Effect.sync(() => {
        const text = JSON.stringify(raw)
        const value: unknown = JSON.parse(text)
        for (let at = 0; at < text.length; at++) {
          const part = PartialJson.parse(text.slice(0, at))
          if (part !== undefined) assertWithin(part, value)
        }
        const whole = typeof value === "object" && value !== null ? PartialJson.parse(text) : value
        assert.deepStrictEqual(whole, JSON.parse(text))
      })
  )
})

/** Whether a value is what is known so far of another: texts and lists may go on, objects may gain keys. */
const assertWithin = (part: unknown, whole: unknown): void => {
  if (typeof part === "string") {
    // a cut may go through the two halves of a character
    assert.isTrue(String(whole).startsWith(part))
  } else if (Array.isArray(part)) {
    part.forEach((item, index) => assertWithin(item, (whole as ReadonlyArray<unknown>)[index]))
  } else if (typeof part === "object" && part !== null) {
    for (const [key, item] of Object.entries(part)) assertWithin(item, (whole as Record<string, unknown>)[key])
  } else {
    assert.deepStrictEqual(part, JSON.parse(JSON.stringify(whole)))
  }
}
