/**
 * Which Schemas an answer can have, at each provider: it works, and what is sent is what the vendor's documentation
 * takes; or it is refused before any request, and the field is named.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option, Schema } from "effect"
import { AnthropicStructuredOutput, type LanguageModel, OpenAiStructuredOutput, Tool } from "effect/ai"
import { Agent, AgentError } from "fluxion"
import * as Output from "../../src/agent/Output.ts"
import * as JsonSchemas from "./legality/JsonSchemas.ts"
import { wireApi } from "./legality/WireApis.ts"
import { reply, type Vendor, vendors } from "./support/Vendors.ts"
import * as VendorServer from "./support/VendorServer.ts"

class Person extends Schema.Class<Person>("Person")({ name: Schema.String, born: Schema.DateTimeUtcFromString }) {}

interface Tree {
  readonly name: string
  readonly children: ReadonlyArray<Tree>
}
const Tree: Schema.Codec<Tree> = Schema.Struct({
  name: Schema.String,
  children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
})

interface Chain {
  readonly name: string
  readonly next?: Chain
}
const Chain: Schema.Codec<Chain> = Schema.Struct({
  name: Schema.String,
  next: Schema.optionalKey(Schema.suspend((): Schema.Codec<Chain> => Chain))
})

/** An output, a value of it, and what the vendors that do not take it say. */
interface Case {
  readonly title: string
  readonly schema: Schema.Codec<any, any>
  readonly value: unknown
  /** As a model writes it, where Effect cannot: it leaves the `null`s of inner fields out. */
  readonly written?: string
  readonly refused?: { readonly [name in Vendor["name"]]?: RegExp }
}

const ofType = <A, E>(title: string, schema: Schema.Codec<A, E>, value: A, refused: Case["refused"] = {}): Case => ({
  title,
  schema,
  value,
  refused
})

const inField = <A, E>(title: string, schema: Schema.Codec<A, E>, value: A, refused?: Case["refused"]): Case =>
  ofType(title, Schema.Struct({ field: schema }), { field: value }, refused)

const anything = /its field "field(\[\])?" may be anything; give it a type/

const untyped = { openai: anything, anthropic: anything, compatible: anything }

const cases: ReadonlyArray<Case> = [
  ofType(
    "a struct of all that JSON has",
    Schema.Struct({
      text: Schema.String,
      number: Schema.Finite,
      integer: Schema.Int,
      flag: Schema.Boolean,
      nothing: Schema.Null,
      maybe: Schema.NullOr(Schema.String),
      list: Schema.Array(Schema.String),
      inner: Schema.Struct({ text: Schema.String })
    }),
    {
      text: "t",
      number: 1.5,
      integer: 2,
      flag: true,
      nothing: null,
      maybe: null,
      list: ["a"],
      inner: { text: "i" }
    }
  ),
  ofType("a class", Person, new Person(Schema.decodeSync(Person)({ name: "Ada", born: "1815-12-10T00:00:00.000Z" }))),
  ofType("an array", Schema.Array(Schema.Int), [1, 2]),
  ofType("a literal", Schema.Literals(["yes", "no"]), "no"),
  ofType("a number", Schema.Finite, 7),
  ofType("a boolean", Schema.Boolean, false),
  ofType("a bigint", Schema.BigInt, 12345678901234567890n),
  ofType(
    "a union",
    Schema.Union([Schema.TaggedStruct("A", { a: Schema.Int }), Schema.TaggedStruct("B", { b: Schema.String })]),
    { _tag: "B", b: "x" }
  ),
  ofType("a record", Schema.Record(Schema.String, Schema.Int), { a: 1, b: 2 }),
  ofType(
    "a struct that goes on as a record",
    Schema.StructWithRest(Schema.Struct({ a: Schema.String }), [Schema.Record(Schema.String, Schema.String)]),
    { a: "1", more: "2" }
  ),
  ofType("a tuple", Schema.Tuple([Schema.String, Schema.Int]), ["x", 2]),
  inField("a record", Schema.Record(Schema.String, Schema.Int), { a: 1 }),
  inField("a tuple", Schema.Tuple([Schema.String, Schema.Int]), ["x", 2]),
  inField("a tuple that goes on", Schema.TupleWithRest(Schema.Tuple([Schema.String]), [Schema.Int]), ["x", 1, 2]),
  inField("a Date", Schema.Date, new Date("2026-01-02T03:04:05.000Z")),
  inField(
    "a date-time",
    Schema.DateTimeUtcFromString,
    Schema.decodeSync(Schema.DateTimeUtcFromString)("2026-01-02T03:04:05.000Z")
  ),
  inField("a URL", Schema.URL, new URL("https://example.org/a")),
  inField("a number in a text", Schema.FiniteFromString, 7),
  inField("a brand", Schema.String.pipe(Schema.brand("Id")), "i" as never),
  inField("a template", Schema.TemplateLiteral(["id-", Schema.Int]), "id-7" as never),
  inField("a bigint", Schema.BigInt, 5n),
  inField("a number of any kind", Schema.Number, Number.POSITIVE_INFINITY),
  inField("a symbol", Schema.Symbol, Symbol.for("s"), {}),
  inField("bytes", Schema.Uint8Array, Uint8Array.of(1, 2, 255)),
  inField("literals of numbers", Schema.Literals([1, 2]), 2),
  inField("a boolean literal", Schema.Literal(true), true),
  inField("an Option", Schema.Option(Schema.Int), Option.some(3)),
  inField("a Set", Schema.ReadonlySet(Schema.Int), new Set([1, 2])),
  inField("a Map", Schema.ReadonlyMap(Schema.String, Schema.Int), new Map([["a", 1]])),
  inField("what has checks", Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 }))), [3]),
  inField("a text with a pattern", Schema.String.check(Schema.isMinLength(2), Schema.isPattern(/^a/)), "ab"),
  ofType("a field that may be left out", Schema.Struct({ a: Schema.Int, b: Schema.optionalKey(Schema.String) }), {
    a: 1
  }),
  ofType("a field that may be undefined", Schema.Struct({ a: Schema.Int, b: Schema.optional(Schema.String) }), {
    a: 1
  }),
  ofType(
    "a field with a default",
    Schema.Struct({ a: Schema.Int.pipe(Schema.withDecodingDefault(Effect.succeed(1))) }),
    { a: 4 }
  ),
  ofType("names with blanks and dots", Schema.Struct({ "a.b c": Schema.Int }), { "a.b c": 1 }),
  ofType("recursion", Tree, { name: "a", children: [{ name: "b", children: [] }] }, {
    anthropic: /its field "children\[\]" leads back to what it is a part of/,
    google: /leads back to itself by what is required; make a property on the way optional/
  }),
  {
    ...ofType("recursion by what may be left out", Chain, { name: "a", next: { name: "b" } }, {
      anthropic: /its field "next" leads back to what it is a part of/
    }),
    written: `{"name":"a","next":{"name":"b","next":null}}`
  },
  inField("anything", Schema.Unknown, { a: [1] }, untyped),
  inField("any JSON", Schema.Json, { a: [1] }, untyped),
  inField("lists of anything", Schema.Array(Schema.Unknown), [1, "a"], untyped),
  inField("any JSON, as a text", Schema.fromJsonString(Schema.Unknown), { a: [1] })
]

const transformers: { readonly [name in Vendor["name"]]?: LanguageModel.CodecTransformer } = {
  openai: OpenAiStructuredOutput.toCodecOpenAI,
  compatible: OpenAiStructuredOutput.toCodecOpenAI,
  anthropic: AnthropicStructuredOutput.toCodecAnthropic
}

/** What a vendor's documentation says of a JSON Schema; Ollama's server takes any. */
const rules: { readonly [name in Vendor["name"]]?: typeof JsonSchemas.gemini } = {
  openai: JsonSchemas.openAiStrict,
  compatible: JsonSchemas.openAiStrict,
  anthropic: JsonSchemas.anthropic,
  google: JsonSchemas.gemini
}

/** The JSON of a value as a model of the vendor would write it. */
const write = (vendor: Vendor, { schema, value, written }: Case): string => {
  if (written !== undefined && transformers[vendor.name] !== undefined) return written
  const { wire, wrapped } = Output.make(schema)
  const transformer = transformers[vendor.name]
  const codec = transformer === undefined ? Schema.toCodecJson(wire) : transformer(wire as never).codec
  return JSON.stringify(Schema.encodeUnknownSync(codec as Schema.Codec<unknown>)(wrapped ? { value } : value))
}

for (const vendor of vendors) {
  describe(`${vendor.name}: an answer that is`, () => {
    for (const given of cases) {
      const refused = given.refused?.[vendor.name]
      it.effect(`${given.title} ${refused === undefined ? "works" : "is refused by name"}`, () =>
        Effect.gen(function*() {
          const server = yield* VendorServer.make(() =>
            reply(vendor, vendor.answer({ text: write(vendor, given), size: 50 }), true)
          )
          const agent = Agent.make("a", { instructions: "i", output: given.schema })
          const exit = yield* Effect.exit(agent("go")).pipe(Effect.provide(vendor.layer(server.url)))
          if (refused === undefined) {
            assert.deepStrictEqual(exit, Exit.succeed(given.value) as never)
            const problems: Array<string> = []
            rules[vendor.name]?.(wireApi(vendor.name).read(server.requests[0]!).schema, "", (path, what) => {
              // "While the full JSON Schema may be sent, not all features are supported" (@google/genai)
              if (vendor.name !== "google" || what !== "is not supported") problems.push(`${path} ${what}`)
            })
            assert.deepStrictEqual(problems, [])
            return
          }
          const error = Option.getOrThrow(Exit.findErrorOption(exit))
          assert(error instanceof AgentError.AgentError && error.reason._tag === "ModelFailed")
          assert.strictEqual(error.reason.error.reason._tag, "UnsupportedSchemaError")
          assert.match(error.message, refused)
          assert.include(error.message, `${vendor.name === "compatible" ? "the server" : vendor.title} cannot answer`)
          assert.isFalse(error.isRetryable)
          assert.strictEqual(server.requests.length, 0)
        }))
    }

    const parameters: ReadonlyArray<readonly [title: string, tool: Tool.Any, says: RegExp, by: ReadonlyArray<string>]> =
      [
        [
          "a union at the root of a tool's parameters",
          Tool.dynamic("either", {
            parameters: Schema.Union([Schema.Struct({ a: Schema.String }), Schema.Struct({ b: Schema.String })])
          }),
          /tool "either".*must be one object/,
          vendors.map(({ name }) => name)
        ],
        [
          "anything in a strict tool's parameters",
          Tool.make("anything", { parameters: Schema.Struct({ field: Schema.Unknown }) }).annotate(Tool.Strict, true),
          /tool "anything".*its field "field" may be anything/,
          ["openai", "anthropic", "compatible"]
        ]
      ]

    for (const [title, tool, says, by] of parameters) {
      it.effect(`${title} ${by.includes(vendor.name) ? "is refused, and the tool named" : "works"}`, () =>
        Effect.gen(function*() {
          const server = yield* VendorServer.make([reply(vendor, vendor.answer({ text: "done" }), true)])
          const agent = Agent.make("a", { instructions: "i", tools: [tool as never] })
          const run = agent("go") as Effect.Effect<string, AgentError.AgentError, LanguageModel.LanguageModel>
          const exit = yield* Effect.exit(run).pipe(Effect.provide(vendor.layer(server.url)))
          if (!by.includes(vendor.name)) return assert.deepStrictEqual(exit, Exit.succeed("done") as never)
          const error = Option.getOrThrow(Exit.findErrorOption(exit))
          assert.match(error.message, says)
          assert.strictEqual(server.requests.length, 0)
        }))
    }
  })
}
