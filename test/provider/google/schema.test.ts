/**
 * JSON Schema as Gemini reads it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { LanguageModel, Tool } from "effect/ai"
import * as GoogleCapabilities from "../../../src/provider/google/GoogleCapabilities.ts"
import * as GoogleRequest from "../../../src/provider/google/GoogleRequest.ts"
import * as GoogleSchema from "../../../src/provider/google/GoogleSchema.ts"
import * as Collect from "../support/Collect.ts"

const asked = (schema: Schema.Constraint) =>
  Result.map(
    GoogleRequest.make(
      "gemini-2.5-flash",
      GoogleCapabilities.of("gemini-2.5-flash"),
      Collect.request("Hi", { responseFormat: { type: "json", objectName: "x", schema: schema as never } })
    ),
    ({ config }) => config!.responseJsonSchema as any
  )

const Address = Schema.Struct({ street: Schema.String }).annotate({ identifier: "Address" })

interface Tree {
  readonly name: string
  readonly children?: ReadonlyArray<Tree>
}

const Tree: Schema.Codec<Tree> = Schema.Struct({
  name: Schema.String,
  children: Schema.optionalKey(Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree)))
}).annotate({ identifier: "Tree" })

interface Full {
  readonly left: Full | null
}

const Full: Schema.Codec<Full> = Schema.Struct({
  left: Schema.NullOr(Schema.suspend((): Schema.Codec<Full> => Full))
}).annotate({ identifier: "Full" })

class Person
  extends Schema.Class<Person>("test/Person")({ name: Schema.String, age: Schema.optionalKey(Schema.Int) })
{}

const keywords =
  "$ref $defs definitions type properties required items prefixItems additionalProperties anyOf oneOf allOf not const enum __proto__"
    .split(" ")

describe("GoogleSchema", () => {
  it("says in Gemini's words what is said in others", () => {
    assert.deepStrictEqual(
      GoogleSchema.toGoogle({
        type: "object",
        properties: {
          kind: { const: "a" },
          yes: { type: "boolean", enum: [true] },
          home: { allOf: [{ $ref: "#/definitions/Address" }, { description: "Where it is" }] },
          both: {
            allOf: [
              { type: "object", properties: { a: {} }, required: ["a"] },
              { type: "object", properties: { b: { const: 1 } }, required: ["a", "b"] }
            ]
          },
          not: { type: "string", not: { type: "null" } },
          items: { type: "array", items: { const: 1 }, default: [1], examples: [{ const: 1 }] },
          const: { type: "string", enum: ["const"], description: "a property of that name" }
        },
        additionalProperties: { const: "z" },
        definitions: { Address: { type: "object", properties: { street: { type: "string" } } } }
      }),
      {
        type: "object",
        properties: {
          kind: { enum: ["a"] },
          yes: { type: "boolean" },
          home: { description: "Where it is", anyOf: [{ $ref: "#/$defs/Address" }] },
          both: { type: "object", properties: { a: {}, b: { enum: [1] } }, required: ["a", "b"] },
          not: { type: "string" },
          items: { type: "array", items: { enum: [1] }, default: [1], examples: [{ const: 1 }] },
          const: { type: "string", enum: ["const"], description: "a property of that name" }
        },
        additionalProperties: { enum: ["z"] },
        $defs: { Address: { type: "object", properties: { street: { type: "string" } } } }
      }
    )
  })

  it("keeps descriptions, enums, nesting, bounds and defaults of Effect's Schemas", () => {
    const schema = Schema.Struct({
      unit: Schema.Literals(["celsius", "fahrenheit"]).annotate({ description: "Which", default: "celsius" }),
      days: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })),
      pair: Schema.Tuple([Schema.String, Schema.Finite]),
      counts: Schema.Record(Schema.String, Schema.Finite),
      home: Address.annotateKey({ description: "Where" }),
      note: Schema.optionalKey(Schema.NullOr(Schema.String))
    })
    assert.deepStrictEqual(Result.getOrThrow(asked(schema)), {
      type: "object",
      properties: {
        unit: { type: "string", enum: ["celsius", "fahrenheit"], description: "Which", default: "celsius" },
        days: { type: "integer", minimum: 1, maximum: 9 },
        pair: { type: "array", prefixItems: [{ type: "string" }, { type: "number" }], minItems: 2, maxItems: 2 },
        counts: { type: "object", additionalProperties: { type: "number" } },
        home: { description: "Where", anyOf: [{ $ref: "#/$defs/Address" }] },
        note: { anyOf: [{ type: "string" }, { type: "null" }] }
      },
      required: ["unit", "days", "pair", "counts", "home"],
      additionalProperties: false,
      $defs: {
        Address: {
          type: "object",
          properties: { street: { type: "string" } },
          required: ["street"],
          additionalProperties: false
        }
      }
    })
  })

  it("takes classes, and recursion that a property may leave out", () => {
    for (const schema of [Person, Tree, Schema.Struct({ tree: Tree, trees: Schema.Array(Tree) })]) {
      const json = Result.getOrThrow(asked(schema))
      assert.isDefined(json.$ref ?? json.type)
      assert.isObject(json.$defs)
    }
  })

  it("refuses by name recursion that is required", () => {
    for (const schema of [Full, Schema.Array(Full), Schema.Struct({ at: Schema.Tuple([Schema.String, Full]) })]) {
      const made = asked(schema)
      assert(Result.isFailure(made))
      assert.strictEqual(made.failure._tag, "UnsupportedSchemaError")
      assert.include(made.failure.message, `"Full" leads back to itself`)
    }
    const elsewhere = asked(Schema.Struct({ full: Schema.optionalKey(Full) }))
    assert.isTrue(Result.isSuccess(elsewhere), "nothing that is required leads there")
  })

  it("looks past what is no name of a property", () => {
    const loop = { required: [{ toString: null }, 1, "next"], properties: { next: { $ref: "#/$defs/Loop" } } }
    assert.strictEqual(GoogleSchema.requiredCycle({ $ref: "#/$defs/Loop", $defs: { Loop: loop } }), "Loop")
  })

  it.effect.prop(
    "takes whatever there is, and leaves nothing to do",
    { entries: Schema.Array(Schema.Tuple([Schema.Union([Schema.Literals(keywords), Schema.String]), Schema.Json])) },
    ({ entries }) =>
      Effect.sync(() => {
        const once = GoogleSchema.toGoogle(Object.fromEntries(entries))
        assert.deepStrictEqual(GoogleSchema.toGoogle(once), once)
        GoogleSchema.requiredCycle(once)
      })
  )

  it("the parameters of a tool are treated alike, recursion included", () => {
    const tool = Tool.make("grow", {
      parameters: Schema.Struct({ full: Full, home: Address.annotateKey({ title: "T" }) })
    })
    const json = GoogleSchema.toGoogle(Tool.getJsonSchema(tool, { transformer: LanguageModel.defaultCodecTransformer }))
    assert.deepInclude(json["properties"], {
      full: { $ref: "#/$defs/Full" },
      home: { title: "T", anyOf: [{ $ref: "#/$defs/Address" }] }
    })
  })
})
