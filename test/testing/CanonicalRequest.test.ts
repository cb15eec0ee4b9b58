/**
 * The pure parts of a cassette: the canonical form of a request, how a recording is found, and what is recorded of an
 * answer.
 */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Redacted, Result, Schema } from "effect"
import { Prompt, Tool } from "effect/ai"
import { type Driver, Secrets } from "fluxion"
import { createHash } from "node:crypto"
import { ResponseFold } from "../../src/agent/ResponseFold.ts"
import * as CanonicalRequest from "../../src/testing/internal/CanonicalRequest.ts"
import * as CassetteFile from "../../src/testing/internal/CassetteFile.ts"
import * as CassetteMatch from "../../src/testing/internal/CassetteMatch.ts"
import * as RecordedAnswer from "../../src/testing/internal/RecordedAnswer.ts"
import * as Collect from "../provider/support/Collect.ts"

const digest: CanonicalRequest.Digest = (data) => createHash("sha256").update(data).digest("hex")

const canon = (request: Driver.ModelRequest, model = "acme/m1") => CanonicalRequest.make(model, request, digest)

const key = (request: Driver.ModelRequest, model?: string) => CanonicalRequest.toKey(canon(request, model))

const asked = (prompt: Prompt.RawInput, options?: Partial<Driver.ModelRequest>) => key(Collect.request(prompt, options))

/** The same value with the keys of all objects the other way round, and some that say nothing. */
const turned = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(turned)
    : typeof value === "object" && value !== null
    ? Object.fromEntries([
      ...Object.entries(value).reverse().map(([key, item]) => [key, turned(item)]),
      ["absent", undefined]
    ])
    : value

/** A history with a call, its result, and these arguments. */
const history = (params: unknown, ids = ["a", "b"]): Prompt.RawInput => [
  { role: "user", content: "go" },
  {
    role: "assistant",
    content: ids.map((id) => ({ type: "tool-call", id, name: "get", params, providerExecuted: false }) as const)
  },
  {
    role: "tool",
    content: ids.map((id) => ({ type: "tool-result", id, name: "get", result: params, isFailure: false }) as const)
  }
]

const get = Tool.make("get", { description: "Gets.", parameters: Schema.Struct({ id: Schema.String }) })

describe("the canonical request", () => {
  it.effect.prop(
    "is the same in whatever order keys stand, and whatever is undefined",
    { params: Schema.Json },
    ({ params }) =>
      Effect.sync(() => {
        assert.strictEqual(asked(history(params)), asked(history(turned(params))))
        const options = { maxTokens: 10, providerOptions: { acme: { params } } }
        assert.strictEqual(
          asked("go", { options }),
          asked("go", { options: turned(options) as Driver.ModelRequest["options"] })
        )
      })
  )

  it.effect.prop("is the same for other ids of calls, and not for other results of them", {
    ids: Schema.UniqueArray(Schema.String).check(Schema.isMinLength(2), Schema.isMaxLength(2)),
    params: Schema.Json
  }, ({ ids, params }) =>
    Effect.sync(() => {
      assert.strictEqual(asked(history(params, [...ids])), asked(history(params)))
      const [first, second] = ids as unknown as [string, string]
      const crossed = (order: ReadonlyArray<string>): Prompt.RawInput => {
        const [user, calls, results] = history(params, [first, second]) as ReadonlyArray<Prompt.MessageEncoded>
        const content = (results!.content as ReadonlyArray<object>).map((part, index) => ({
          ...part,
          id: order[index]
        }))
        return [user!, calls!, { role: "tool", content } as never]
      }
      assert.notStrictEqual(asked(crossed([second, first])), asked(crossed([first, second])))
    }))

  it.effect.prop(
    "survives being written and read",
    { params: Schema.Json, text: Schema.String },
    ({ params, text }) =>
      Effect.sync(() => {
        const request = canon(Collect.request([...history(params) as [], { role: "user", content: text }], {
          tools: [get],
          options: { temperature: -0, providerOptions: { acme: { params } } }
        }))
        const file: CassetteFile.CassetteFile = {
          model: "acme/m1",
          models: {
            "acme/m1": { provider: "acme", model: "m1", driver: { codec: "json", capabilities: { seed: false } } }
          },
          calls: [{ request, answer: RecordedAnswer.make([{ type: "tool-call", id: "c", name: "get", params }]) }]
        }
        const printed = CassetteFile.print(file)
        const read = Result.getOrThrow(CassetteFile.parse(printed))
        assert.strictEqual(CanonicalRequest.toKey(read.calls[0]!.request), CanonicalRequest.toKey(request))
        assert.strictEqual(CassetteFile.print(read), printed)
        assert.strictEqual(CassetteMatch.find(read.calls, request, new Set()), read.calls[0])
        assert.strictEqual(CassetteMatch.find(read.calls, request, new Set(read.calls)), undefined)
      })
  )

  it("does not tell who asks, nor how the answer comes", () => {
    const plain = asked("go", { options: { maxTokens: 5 } })
    assert.strictEqual(asked("go", { options: { maxTokens: 5, agent: "a", stream: false } }), plain)
    assert.strictEqual(
      asked([{ role: "user", content: [{ type: "text", text: "go" }] }], { options: { maxTokens: 5 } }),
      plain
    )
    assert.strictEqual(asked("go", { options: { maxTokens: 5, seed: undefined, providerOptions: {} } }), plain)
    assert.strictEqual(asked("go", { toolChoice: "none", options: { maxTokens: 5 } }), plain)
  })

  it("tells whatever changes what the model is told", () => {
    const strict = get.annotate(Tool.Strict, true)
    const described = Tool.make("get", { description: "Fetches.", parameters: Schema.Struct({ id: Schema.String }) })
    const typed = Tool.make("get", { description: "Gets.", parameters: Schema.Struct({ id: Schema.Finite }) })
    const search = (contextSize: string) =>
      Tool.providerDefined({
        id: "acme.search",
        customName: "search",
        providerName: "search",
        args: Schema.Struct({ contextSize: Schema.String })
      })({ contextSize })
    const format = (schema: Schema.Top, objectName = "output") =>
      ({ responseFormat: { type: "json", objectName, schema: schema as never } }) as const
    const keys = [
      asked("go"),
      key(Collect.request("go"), "acme/m2"),
      asked("go "),
      asked([{ role: "system", content: "go" }]),
      asked([{ role: "user", content: "go" }, { role: "user", content: "go" }]),
      asked([{ role: "user", content: "go", options: { acme: { cache: true } } }]),
      asked([{ role: "user", content: [{ type: "text", text: "go", options: { acme: { cache: true } } }] }]),
      asked("go", { tools: [get] }),
      asked("go", { tools: [strict] }),
      asked("go", { tools: [described] }),
      asked("go", { tools: [typed] }),
      asked("go", { tools: [get, search("low")] }),
      asked("go", { tools: [get, search("high")] }),
      asked("go", { tools: [get], toolChoice: "required" }),
      asked("go", { tools: [get], toolChoice: { tool: "get" } }),
      asked("go", format(Schema.Struct({ a: Schema.String }))),
      asked("go", format(Schema.Struct({ b: Schema.String }))),
      asked("go", format(Schema.Struct({ a: Schema.String }), "other")),
      asked("go", { options: { temperature: 0 } }),
      asked("go", { options: { temperature: 1 } }),
      asked("go", { options: { stopSequences: ["END"] } }),
      asked("go", { options: { providerOptions: { acme: { a: 1 } } } }),
      asked(history({ id: 1 })),
      asked(history({ id: "1" })),
      asked(history(null))
    ]
    assert.strictEqual(new Set(keys).size, keys.length)
  })

  it("keeps the length, the media type and a hash of what nobody can read", () => {
    const file = (data: string | Uint8Array | URL, mediaType = "image/png") =>
      canon(
        Collect.request([{ role: "user", content: [Prompt.makePart("file", { mediaType, data, fileName: "a.png" })] }])
      )
        .messages[0] as any
    const bytes = new Uint8Array([1, 2, 3, 255])
    const expected = `sha256 ${digest(bytes)}, 4 bytes`
    assert.deepStrictEqual(file(bytes).content, [{
      type: "file",
      mediaType: "image/png",
      name: "a.png",
      data: expected
    }])
    for (const same of ["AQID/w==", "data:image/png;base64,AQID/w==", "data:image/png;x=1;base64,AQID/w=="]) {
      assert.strictEqual(file(same).content[0].data, expected)
    }
    assert.strictEqual(file(new URL("https://example.org/a.png")).content[0].data, "https://example.org/a.png")
    assert.strictEqual(file("https://example.org/a.png").content[0].data, "https://example.org/a.png")
    const signature = "Ab9+/".repeat(60)
    const reasoning: Prompt.RawInput = [{
      role: "assistant",
      content: [{ type: "reasoning", text: "hm", options: { acme: { signature } } }]
    }]
    const { metadata } = (canon(Collect.request(reasoning)).messages[0] as any).content[0]
    assert.strictEqual(metadata.acme.signature, `sha256 ${digest(signature)}, 300 characters`)
  })

  it("takes what is no JSON", () => {
    const cyclic: { self?: unknown } = {}
    cyclic.self = cyclic
    const odd = {
      cyclic,
      date: new Date(0),
      url: new URL("https://example.org"),
      big: 1n,
      nan: Number.NaN,
      secret: Redacted.make("hunter22"),
      bytes: new Uint8Array([1]),
      list: [undefined, () => 1],
      what: Symbol("x")
    }
    const call = (canon(Collect.request(history(odd))).messages[1] as any).content[0]
    assert.deepStrictEqual(call.params, {
      big: "1",
      bytes: `sha256 ${digest(new Uint8Array([1]))}, 1 bytes`,
      cyclic: { self: "(a cycle)" },
      date: "1970-01-01T00:00:00.000Z",
      list: [null, null],
      nan: "NaN",
      secret: "<redacted>",
      url: "https://example.org/"
    })
  })

  it("says of a Schema without a JSON form that it has none", () => {
    const request = Collect.request("go", {
      tools: [Tool.make("odd", { parameters: Schema.Struct({ [Symbol.for("s")]: Schema.String } as {}) })]
    })
    assert.match((canon(request).tools![0] as any).parameters, /^\(none: /)
  })

  it.effect.prop("holds no known secret, wherever it stands", {
    before: Schema.String,
    after: Schema.String
  }, ({ after, before }) =>
    Effect.sync(() => {
      // the registry is the process's: nothing that another test may say
      const secret = Secrets.register(`of-canonical-requests:${after}`)
      const text = `${before}${secret}`
      const request = Collect.request([{ role: "system", content: text }, ...history({ [text]: [text] }) as []], {
        tools: [get.annotate(Tool.Strict, true)],
        options: { stopSequences: [text], providerOptions: { acme: { note: text } } }
      })
      assert.notInclude(CanonicalRequest.toKey(canon(request)), JSON.stringify(secret).slice(1, -1))
    }))
})

describe("a recording", () => {
  const call = (request: CanonicalRequest.CanonicalRequest): CassetteFile.RecordedCall => ({
    request,
    answer: { parts: [] }
  })

  it.effect.prop("fits any text where secrets were removed", {
    pieces: Schema.Array(Schema.String),
    now: Schema.Array(Schema.String)
  }, ({ now, pieces }) =>
    Effect.sync(() => {
      const fill = (value: (index: number) => string) =>
        pieces.map((piece, index) => piece + value(index)).join("") + "end"
      const recorded: CanonicalRequest.CanonicalRequest = { model: "m", messages: [fill(() => Secrets.mask)] }
      const request = { model: "m", messages: [fill((index) => now[index] ?? "")] }
      const calls = [call(recorded)]
      assert.strictEqual(CassetteMatch.find(calls, request, new Set()), calls[0])
      assert.strictEqual(CassetteMatch.find(calls, { ...request, model: "n" }, new Set()), undefined)
      assert.strictEqual(
        CassetteMatch.find(calls, { model: "m", messages: [`${request.messages[0]}!`] }, new Set()),
        undefined
      )
    }))

  it("that is most like a request is the nearest one", () => {
    const requests = ["Where is Lima?", "Where is Rome?", "Why?"].map((text) =>
      canon(Collect.request([{ role: "system", content: "Be brief.\nBe kind." }, { role: "user", content: text }]))
    )
    const calls = [canon(Collect.request("Why?")), ...requests].map(call)
    const wanted = canon(Collect.request([
      { role: "system", content: "Be brief.\nBe kind.\nBe quick." },
      { role: "user", content: "Where is Rome?" }
    ]))
    assert.strictEqual(CassetteMatch.nearest(calls, wanted), 2)
    assert.strictEqual(CassetteMatch.nearest([], wanted), -1)
    const says = CassetteMatch.explain("f.json", calls, wanted)
    assert.include(says, "number 3; - is recorded, + is asked")
    assert.include(says, "       Be kind.\n+      Be quick.\n")
    assert.strictEqual(says.split("\n").filter((line) => line.startsWith("-")).length, 0)
  })

  it("that differs in hundreds of lines is not shown whole", () => {
    const lines = (word: string) => Array.from({ length: 400 }, (_, index) => `${word} ${index}`).join("\n")
    const says = CassetteMatch.explain(
      "f.json",
      [call(canon(Collect.request(lines("a"))))],
      canon(Collect.request(lines("b")))
    )
    assert.isAtMost(says.split("\n").length, 63)
    assert.match(says, /… and \d+ more lines$/)
  })
})

describe("a recorded answer", () => {
  const Piece = Schema.Struct({
    block: Schema.Literals(["a", "b"]),
    delta: Schema.String,
    signed: Schema.Boolean
  })

  const toParts = (kind: "text" | "reasoning", pieces: ReadonlyArray<typeof Piece.Type>) => {
    const parts: Array<RecordedAnswer.Part> = []
    for (const id of ["a", "b"]) parts.push({ type: `${kind}-start`, id })
    pieces.forEach(({ block, delta, signed }, index) =>
      parts.push({
        type: `${kind}-delta`,
        id: block,
        delta,
        ...(signed ? { metadata: { acme: { [`s${index % 3}`]: index } } } : {})
      })
    )
    for (const id of ["a", "b"]) parts.push({ type: `${kind}-end`, id })
    return parts
  }

  const fold = (parts: ReadonlyArray<RecordedAnswer.Part>) => {
    const response = new ResponseFold()
    for (const part of parts) response.push(part)
    return response.response()
  }

  it.effect.prop(
    "means the same, streamed and as a whole",
    { pieces: Schema.Array(Piece) },
    ({ pieces }) =>
      Effect.sync(() => {
        for (const kind of ["text", "reasoning"] as const) {
          const parts = toParts(kind, pieces)
          const { parts: recorded } = RecordedAnswer.make(parts)
          for (const isStreamed of [true, false]) {
            assert.deepStrictEqual(fold(RecordedAnswer.play(recorded, isStreamed)), fold(parts))
          }
          // one piece for a block, but for what vendors attach
          for (const id of ["a", "b"]) {
            const texts = recorded.filter((part) => "delta" in part && part.id === id && part.delta !== "")
            assert.isAtMost(texts.length, 1)
          }
        }
      })
  )

  it("holds no secret that came in pieces", () => {
    const secret = Secrets.register("in-two-pieces-0123")
    const pieces = [secret.slice(0, 5), secret.slice(5, 9), secret.slice(9)].map((delta) => ({
      block: "a" as const,
      delta,
      signed: true
    }))
    assert.notInclude(JSON.stringify(RecordedAnswer.make(toParts("text", pieces))), "pieces")
  })

  it.effect("comes in several pieces, none of which ends within a character", () =>
    Effect.gen(function*() {
      const texts = yield* Arbitrary.sampleEffect(Arbitrary.schema(Schema.String), { count: 50, seed: 1 })
      for (const text of [...texts, "👩🏽‍🚀é한국어".repeat(5)]) {
        const parts = RecordedAnswer.play([{ type: "text-delta", id: "t", delta: text }], true)
        const deltas = parts.map((part) => (part as { readonly delta: string }).delta)
        assert.strictEqual(deltas.join(""), text)
        assert.isAtMost(deltas.length, 8)
        if (Array.from(text).length >= 8) assert.isAbove(deltas.length, 3)
        const isWhole = (text: string) => !/\p{Surrogate}/u.test(text)
        if (isWhole(text)) assert.isTrue(deltas.every(isWhole))
      }
    }))
})
