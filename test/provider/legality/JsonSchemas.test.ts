import { assert, describe, it } from "@effect/vitest"
import * as JsonSchemas from "./JsonSchemas.ts"
import { collect, type Say } from "./Shape.ts"

const closed = (properties: object, more: object = {}) => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
  ...more
})

const text = { type: "string" }

/** An object that holds an object, so many times. */
const nested = (levels: number): object => levels === 1 ? closed({ a: text }) : closed({ a: nested(levels - 1) })

const node = closed({ next: { anyOf: [{ $ref: "#/$defs/Node" }, { type: "null" }] } })

type Subset = (schema: unknown, path: string, say: Say) => void

const table = (
  subset: Subset,
  legal: { readonly [name: string]: unknown },
  breaks: { readonly [name: string]: readonly [schema: unknown, reported: RegExp] }
) => {
  for (const [name, schema] of Object.entries(legal)) {
    it(`takes ${name}`, () => assert.deepStrictEqual(collect((say) => subset(schema, "schema", say)), []))
  }
  for (const [name, [schema, reported]] of Object.entries(breaks)) {
    it(`reports ${name}`, () => {
      const found = collect((say) => subset(schema, "schema", say))
      assert.isTrue(found.some((line) => reported.test(line)), `reported: ${found.join("; ") || "nothing"}`)
    })
  }
}

describe("what OpenAI takes in strict mode", () => {
  table(JsonSchemas.openAiStrict, {
    "objects in lists": closed({ a: text, b: { type: "array", items: closed({ c: { type: ["string", "null"] } }) } }),
    "recursion": { ...closed({ first: { $ref: "#/$defs/Node" } }), $defs: { Node: node } },
    "numbers with limits": closed({
      a: { type: "number", minimum: 0, maximum: 9 },
      b: { type: "string", format: "date" }
    }),
    "10 levels": nested(9)
  }, {
    "no object": ["a", /schema: has to be an object/],
    "a root that is a list": [{ type: "array", items: text }, /root has to be of type object/],
    "a root that is a union": [{ ...closed({}), anyOf: [closed({})] }, /root has to be of type object/],
    "an open object": [closed({ a: closed({}, { additionalProperties: true }) }), /a\.additionalProperties/],
    "an optional property": [{ ...closed({ a: text }), required: [] }, /has to name every property: a/],
    "a required name that is no property": [{ ...closed({}), required: ["a"] }, /names no property: a/],
    "a keyword of other dialects": [closed({ a: { type: "string", minLength: 2 } }), /minLength: is not supported/],
    "a format": [closed({ a: { type: "string", format: "uri" } }), /is no format/],
    "a schema without a type": [closed({ a: {} }), /has to have a type/],
    "a list of nothing": [closed({ a: { type: "array" } }), /has to say its items/],
    "11 levels": [nested(11), /10 levels/],
    "a reference to nothing": [closed({ a: { $ref: "#/$defs/A" } }), /points at nothing/],
    "5,001 properties": [
      closed(Object.fromEntries(Array.from({ length: 5001 }, (_, index) => [`p${index}`, text]))),
      /5000 properties/
    ],
    "1,001 enum values": [
      closed({ a: { type: "string", enum: Array.from({ length: 1001 }, (_, index) => `v${index}`) } }),
      /1000 enum values/
    ],
    "too many letters": [closed({ ["a".repeat(120_001)]: text }), /120,000 characters/]
  })
})

describe("what Anthropic takes", () => {
  table(JsonSchemas.anthropic, {
    "optional properties and a list of at least one": {
      ...closed({ a: text, b: { type: "array", items: text, minItems: 1 } }),
      required: ["a"]
    },
    "definitions": {
      ...closed({ a: { $ref: "#/$defs/A" } }),
      $defs: { A: closed({ b: { type: "string", enum: ["x"] } }) }
    }
  }, {
    "no object": [undefined, /has to be an object/],
    "an open object": [{ type: "object", properties: {} }, /additionalProperties: has to be false/],
    "limits of numbers": [closed({ a: { type: "number", minimum: 1 } }), /minimum: is not supported/],
    "lengths": [closed({ a: { type: "string", maxLength: 1 } }), /maxLength: is not supported/],
    "lists of at least two": [closed({ a: { type: "array", items: text, minItems: 2 } }), /only 0 and 1/],
    "a format": [closed({ a: { type: "string", format: "phone" } }), /is no supported format/],
    "an enum of objects": [closed({ a: { enum: [{}] } }), /takes no objects/],
    "a reference to elsewhere": [closed({ a: { $ref: "https://x.org/s.json" } }), /no external references/],
    "recursion": [{ ...closed({ first: { $ref: "#/$defs/Node" } }), $defs: { Node: node } }, /recursion/],
    "25 optional properties": [
      { ...closed(Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`p${index}`, text]))), required: [] },
      /24 optional/
    ],
    "17 unions": [
      closed(Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`p${index}`, { type: ["string", "null"] }]))),
      /16 unions/
    ],
    "a reference to nothing": [closed({ a: { $ref: "#/$defs/A" } }), /points at nothing/]
  })
})

describe("what Gemini takes", () => {
  table(JsonSchemas.gemini, {
    "lists, limits and open objects": {
      type: "object",
      properties: {
        a: { type: "array", items: text, minItems: 2 },
        b: { type: "integer", minimum: 0 },
        c: { type: "object", additionalProperties: text }
      }
    },
    "a cycle that may end": {
      type: "object",
      properties: { next: { $ref: "#" } }
    }
  }, {
    "no object": [[], /has to be an object/],
    "a keyword that it does not know": [closed({ a: { type: "string", pattern: "a" } }), /pattern: is not supported/],
    "something beside a reference": [
      { ...closed({ a: { $ref: "#/$defs/A", description: "d" } }), $defs: { A: closed({}) } },
      /beside \$ref/
    ],
    "an enum of booleans": [closed({ a: { enum: [true] } }), /strings and numbers only/],
    "a cycle that cannot end": [closed({ next: { $ref: "#" } }), /cycles only/],
    "a reference to nothing": [closed({ a: { $ref: "#/$defs/A" } }), /points at nothing/]
  })
})

describe("what every vendor takes as a tool's arguments", () => {
  table(JsonSchemas.objectRoot, { "an object": { type: "object", properties: {} } }, {
    "no schema": [null, /has to be an object/],
    "a root that is text": [text, /has to be "object"/],
    "a reference to nothing": [{ type: "object", properties: { a: { $ref: "#/$defs/A" } } }, /points at nothing/]
  })
})
