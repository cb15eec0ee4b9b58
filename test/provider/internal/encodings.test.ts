import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { type AiError, Prompt, Tool } from "effect/ai"
import * as FileData from "../../../src/provider/internal/FileData.ts"
import { memo } from "../../../src/provider/internal/Memo.ts"
import * as Sdk from "../../../src/provider/internal/Sdk.ts"
import * as ToolOutput from "../../../src/provider/internal/ToolOutput.ts"
import * as ToolSpec from "../../../src/provider/internal/ToolSpec.ts"

describe("FileData", () => {
  const read = (data: string | Uint8Array | URL, mediaType = "image/png") =>
    FileData.read(Prompt.makePart("file", { mediaType, data }))

  it("tells addresses from data", () => {
    assert.deepStrictEqual(read("AAAA"), { _tag: "Base64", mediaType: "image/png", base64: "AAAA" })
    assert.deepStrictEqual(read(Uint8Array.of(255)), { _tag: "Base64", mediaType: "image/png", base64: "/w==" })
    assert.deepStrictEqual(read("https://example.org/a"), { _tag: "Url", url: "https://example.org/a" })
    assert.deepStrictEqual(read(new URL("gs://bucket/a")), { _tag: "Url", url: "gs://bucket/a" })
  })

  it("reads data: URLs, with and without base64, type or parameters", () => {
    const base64 = (url: string | URL) => {
      const data = read(url)
      assert(data._tag === "Base64")
      return [data.mediaType, data.base64]
    }
    assert.deepStrictEqual(base64("data:image/webp;base64,AQID"), ["image/webp", "AQID"])
    assert.deepStrictEqual(base64(new URL("data:image/webp;base64,AQID")), ["image/webp", "AQID"])
    assert.deepStrictEqual(base64("data:text/plain;charset=utf-8;base64,QQ=="), ["text/plain", "QQ=="])
    assert.deepStrictEqual(base64("data:text/plain,A%20B"), ["text/plain", "QSBC"])
    assert.deepStrictEqual(base64("data:;base64,QQ=="), ["image/png", "QQ=="])
  })

  it("makes one URL of either", () => {
    assert.strictEqual(FileData.toUrl(read("AAAA", "image/*")), "data:image/jpeg;base64,AAAA")
    assert.strictEqual(FileData.toUrl(read("http://x/")), "http://x/")
  })
})

describe("ToolOutput", () => {
  const text = (options: { result?: unknown; isFailure?: boolean; modelOutput?: ReadonlyArray<Prompt.TextPart> }) =>
    ToolOutput.toText(
      Prompt.makePart("tool-result", {
        id: "1",
        name: "t",
        result: options.result,
        isFailure: options.isFailure ?? false,
        providerExecuted: false,
        ...(options.modelOutput === undefined ? {} : { modelOutput: options.modelOutput })
      })
    )

  it("is a text as it is, and JSON of everything else", () => {
    assert.strictEqual(text({ result: "Sunny" }), "Sunny")
    assert.strictEqual(text({ result: { a: [1] } }), `{"a":[1]}`)
    assert.strictEqual(text({ result: undefined }), "null")
    assert.strictEqual(text({ result: "disk full", isFailure: true }), `{"error":"disk full"}`)
    assert.strictEqual(text({ isFailure: true }), `{"error":null}`)
    assert.strictEqual(text({ result: 1, modelOutput: [Prompt.makePart("text", { text: "one" })] }), "one")
  })
})

describe("ToolSpec", () => {
  const spec = ToolSpec.make()
  const schema = (parameters: Schema.Top) => spec(Tool.dynamic("t", { parameters })).schema

  it("has an object at its root, whatever no parameters are called", () => {
    const none = { type: "object", properties: {} }
    assert.deepStrictEqual(schema(Schema.Struct({})), none)
    assert.deepStrictEqual(schema(Schema.Void), none)
    assert.deepStrictEqual(schema(Schema.Unknown), none)
    assert.deepStrictEqual(spec(Tool.dynamic("t")).schema, none)
    assert.deepStrictEqual(spec(Tool.make("t")).schema, { ...none, additionalProperties: false })
    class Params extends Schema.Class<Params>("Params")({ a: Schema.String }) {}
    assert.deepInclude(schema(Params), { type: "object", properties: { a: { type: "string" } } })
  })

  it("keeps definitions of recursive schemas", () => {
    interface Tree {
      readonly children: ReadonlyArray<Tree>
    }
    const Tree: Schema.Codec<Tree> = Schema.Struct({
      children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
    }).annotate({ identifier: "Tree" })
    const root = schema(Schema.Struct({ tree: Tree }))
    assert.deepStrictEqual(root["properties"], { tree: { $ref: "#/$defs/Tree" } })
    assert.property(root["$defs"], "Tree")
  })

  it("says of which tool the parameters cannot be sent", () => {
    for (
      const parameters of [Schema.String, Schema.Array(Schema.String), Schema.Union([Schema.Struct({}), Schema.Int])]
    ) {
      try {
        spec(Tool.dynamic("broken_tool", { parameters }))
        assert.fail("it was accepted")
      } catch (cause) {
        assert.strictEqual((cause as AiError.AiErrorReason)._tag, "UnsupportedSchemaError")
        assert.include((cause as Error).message, `"broken_tool"`)
      }
    }
  })
})

describe("memo", () => {
  it("makes once, also when nothing is made", () => {
    let count = 0
    const get = memo((_: object) => {
      count++
      return undefined
    })
    const key = {}
    get(key)
    get(key)
    get({})
    assert.strictEqual(count, 2)
  })
})

describe("Sdk", () => {
  it.effect("names the package that is missing", () =>
    Effect.gen(function*() {
      const name = "@fluxion/not-there"
      const error = yield* Effect.flip(Sdk.load(name, "acme/a1", () => import(name)))
      assert.strictEqual(error.problem, "missing-package")
      assert.include(error.message, `model "acme/a1" cannot be used`)
      assert.include(error.message, "npm install @fluxion/not-there")
    }))

  it.effect("says what is wrong with a package that does not load", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Sdk.load("x", "acme/a1", () => Promise.reject(new Error("needs Node 30"))))
      assert.include(error.message, "needs Node 30")
    }))
})
