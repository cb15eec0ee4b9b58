import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Json from "../../src/core/Json.ts"

/** Leaves that JSON loses or changes, and what they are called. */
const odd = [
  [NaN, "NaN"],
  [Infinity, "Infinity"],
  [10n, "a bigint"],
  [() => 1, "a function"],
  [Symbol("s"), "a symbol"],
  [new Date(0), "a Date"],
  [new Map(), "a Map"],
  [new Uint8Array(1), "a Uint8Array"],
  [
    new (class Point {
      x = 1
    })(),
    "a Point"
  ]
] as const

describe("Json.check", () => {
  it.prop("finds nothing in what JSON is, and that survives a round trip", { value: Schema.Json }, ({ value }) => {
    assert.isUndefined(Json.check(value))
    const json = JSON.stringify(value)
    // V8 13.6 reads a key that ends with an escape ("a\n") as another one ("a\\"), once it has read an object with that
    if (/\\(u[\da-f]{4}|.)":/.test(json)) return
    assert.strictEqual(JSON.stringify(JSON.parse(json)), json)
  })

  it.prop(
    "finds the first thing that is not JSON, and says where, at any depth",
    {
      path: Schema.Array(Schema.Union([Schema.String, Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))])),
      which: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: odd.length - 1 }))
    },
    ({ path, which }) => {
      const [leaf, found] = odd[which]!
      const value = path.reduceRight<unknown>(
        (inner, key) => typeof key === "number" ? [...new Array(key).fill(null), inner] : { a: 1, [key]: inner },
        leaf
      )
      const step = (key: string | number) =>
        typeof key === "string" && /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
      assert.deepStrictEqual(Json.check(value), { path: `$${path.map(step).join("")}`, found })
    }
  )

  it.prop("plain makes JSON of what check has nothing against, and leaves JSON as it is", { value: Schema.Json }, ({
    value
  }) => {
    assert.strictEqual(Json.plain(value), value)
    const holed = { value, none: undefined, list: [{ value, none: undefined }] }
    assert.isUndefined(Json.check(holed))
    assert.deepStrictEqual(Json.plain(holed), { value, list: [{ value }] })
    assert.isNull(Json.plain(undefined))
  })

  it("tells a cycle from a value that is there twice", () => {
    const shared = { x: 1 }
    assert.isUndefined(Json.check({ a: shared, b: [shared, shared] }))
    const cycle: Array<unknown> = []
    cycle.push({ inside: cycle })
    assert.deepStrictEqual(Json.check({ rows: cycle }), { path: "$.rows[0].inside", found: "a cycle" })
  })

  it("takes undefined as a whole and as a field, where JSON leaves it out, not in a list, where it becomes null", () => {
    assert.isUndefined(Json.check(undefined))
    assert.isUndefined(Json.check({ a: undefined }))
    assert.deepStrictEqual(Json.check([1, undefined]), { path: "$[1]", found: "undefined" })
  })

  it("writes odd keys in brackets", () => {
    assert.strictEqual(Json.check({ "a b": { ok: { "0": 1n } } })?.path, `$["a b"].ok["0"]`)
  })
})
