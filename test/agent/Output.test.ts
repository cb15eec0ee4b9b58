import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
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

  const Row = Schema.Struct({ name: Schema.String, n: Schema.Int })
  const row = { name: "a \"{quoted}\" one }", n: 3 }
  const json = JSON.stringify(row)

  for (
    const [title, text] of [
      ["a code fence", `\`\`\`json\n${json}\n\`\`\``],
      ["a sentence before it", `Here you are: ${json}`],
      [
        "sentences around it, with braces of their own",
        `In {this} case, {"as": "an example"}:\n\n${json}\n\nMind the {n}.`
      ],
      ["a draft that does not fit", `First try: {"name": "a"}. Better:\n${JSON.stringify(row, null, 2)}`],
      ["the same twice", `${json}\n\n${json}`],
      ["a brace that nothing closes", `:-{ ${json}`],
      ["a token of the model's own", `${json}<|eot_id|>`]
    ] as const
  ) {
    it.effect(`an answer with ${title} counts`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* ask(Row, text), row)
      }))
  }

  it.effect("of two objects that fit none is taken: the model is asked for one", () =>
    Effect.gen(function*() {
      const agent = Agent.make("a", { instructions: "", output: Row })
      assert.deepStrictEqual(yield* agent("go"), row)
      const asked = JSON.stringify((yield* TestModel.requests)[1]!.prompt.content.at(-1))
      assert.include(asked, "2 JSON objects that fit; give only one")
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.text(`Either {"name":"b","n":1} or ${json}.`),
      TestModel.text(json)
    ]))))

  it.effect("a record, and a struct that goes on as one, are wrapped too", () =>
    Effect.gen(function*() {
      const counts = Schema.Record(Schema.String, Schema.Int)
      assert.deepStrictEqual(yield* ask(counts, `{"value":{"a":1}}`), { a: 1 })
      const open = Schema.StructWithRest(Schema.Struct({ a: Schema.Int }), [counts])
      assert.deepStrictEqual(yield* ask(open, `{"value":{"a":1,"b":2}}`), { a: 1, b: 2 })
    }))

  it.effect("what is known of an answer is shown while it comes, also behind prose", () =>
    Effect.gen(function*() {
      const agent = Agent.make("a", { instructions: "", output: Row })
      const events = yield* Stream.runCollect(agent.stream("go"))
      const partials = events.flatMap((event) => event._tag === "OutputPartial" ? [event.value] : [])
      assert.deepStrictEqual(partials[0], {})
      assert.deepStrictEqual(partials.at(-1), { name: row.name })
    }).pipe(Effect.provide(TestModel.layer([TestModel.stream(["Here ", "it is: {", ...json.slice(1)])]))))

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
