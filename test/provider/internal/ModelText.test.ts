import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as ModelText from "../../../src/provider/internal/ModelText.ts"

const tools = new Set(["get_weather", "search"])

/** Adjacent pieces of one kind, joined: how a text was cut must not matter. */
const joined = (pieces: ReadonlyArray<ModelText.Piece>): ReadonlyArray<ModelText.Piece> => {
  const out: Array<ModelText.Piece> = []
  for (const piece of pieces) {
    const last = out[out.length - 1]
    if (piece.type !== "call" && last?.type === piece.type) {
      out[out.length - 1] = { type: piece.type, text: last.text + piece.text }
    } else out.push(piece)
  }
  return out
}

const split = (chunks: Iterable<string>, names: ReadonlySet<string> = tools, from = ModelText.initial) => {
  let state = from
  const pieces: Array<ModelText.Piece> = []
  for (const chunk of chunks) {
    const [next, some] = ModelText.push(state, chunk, names)
    state = next
    pieces.push(...some)
  }
  return [...pieces, ...ModelText.end(state)]
}

const text = (text: string): ModelText.Piece => ({ type: "text", text })
const reasoning = (text: string): ModelText.Piece => ({ type: "reasoning", text })
const call = (name: string, params: unknown): ModelText.Piece => ({ type: "call", name, params })
const weather = call("get_weather", { city: "Tokyo" })
const json = `{"name": "get_weather", "arguments": {"city": "Tokyo"}}`

const cases: ReadonlyArray<readonly [title: string, input: string, expected: ReadonlyArray<ModelText.Piece>]> = [
  ["plain text", "Hello, world", [text("Hello, world")]],
  ["white space in front of text", "\n\n Hello", [text("\n\n Hello")]],
  ["only white space", " \n ", []],
  ["a think block at the start", "<think>\nlet me see\n</think>\n\nSunny.", [reasoning("let me see"), text("Sunny.")]],
  ["an empty think block", "<think>\n\n</think>\n\nSunny.", [text("Sunny.")]],
  ["a think block of another name", "<thinking>why</thinking>So.", [reasoning("why"), text("So.")]],
  ["a think block that never ends", "<think> on and on \n", [reasoning("on and on")]],
  ["angle brackets in a think block", "<think>a < b </ c</think>d", [reasoning("a < b </ c"), text("d")]],
  ["a think tag in the middle", "The tag <think> opens it.", [text("The tag <think> opens it.")]],
  ["text that begins like a tag", "<thick> soup", [text("<thick> soup")]],
  ["text that ends like the beginning of a tag", "a <tool_c", [text("a <tool_c")]],
  ["only the beginning of a tag", "<thi", [text("<thi")]],
  ["a call in a tag", `<tool_call>\n${json}\n</tool_call>`, [weather]],
  ["two calls in tags", `<tool_call>${json}</tool_call>\n<tool_call>{"name":"search","arguments":{}}</tool_call>`, [
    weather,
    call("search", {})
  ]],
  ["a call after text, and text after it", `Let me look.\n<tool_call>${json}</tool_call>\nDone.`, [
    text("Let me look.\n"),
    weather,
    text("Done.")
  ]],
  ["a call after reasoning", `<think>hm</think>\n<tool_call>${json}</tool_call>`, [reasoning("hm"), weather]],
  ["a tag that is never closed", `<tool_call>${json}`, [weather]],
  ["a closing tag that is cut", `<tool_call>${json}</tool`, [weather]],
  ["an array after a marker", `[TOOL_CALLS] [${json}, {"name":"search","parameters":{"q":"x"}}]`, [
    weather,
    call("search", { q: "x" })
  ]],
  ["bare JSON", json, [weather]],
  ["bare JSON, set wide", `\n {\n "name" : "get_weather",\n "parameters": {"city": "Tokyo"}\n}\n`, [weather]],
  ["bare JSON in an array", `[${json}]`, [weather]],
  ["bare calls one after another", `${json}; ${json}\n${json}`, [weather, weather, weather]],
  ["a bare call in OpenAI's form", `{"type":"function","function":{"name":"search","arguments":"{\\"q\\":1}"}}`, [
    call("search", { q: 1 })
  ]],
  [
    "brackets and quotes in arguments",
    `<tool_call>{"name":"search","arguments":{"q":"}]\\"{</tool_call>"}}</tool_call>`,
    [
      call("search", { q: `}]"{</tool_call>` })
    ]
  ],
  ["a call of an undeclared tool", `<tool_call>{"name":"rm","arguments":{}}</tool_call>!`, [
    text(`<tool_call>{"name":"rm","arguments":{}}</tool_call>!`)
  ]],
  ["an undeclared one among declared ones", `[TOOL_CALLS][${json},{"name":"rm"}]`, [
    text(`[TOOL_CALLS][${json},{"name":"rm"}]`)
  ]],
  ["a marker that is talked about", "Use <tool_call> tags, or [TOOL_CALLS].", [
    text("Use <tool_call> tags, or [TOOL_CALLS].")
  ]],
  ["a call after a marker that is talked about", `I write <tool_call> so: <tool_call>${json}</tool_call>`, [
    text("I write <tool_call> so: "),
    weather
  ]],
  ["JSON that is an answer", `{"name": "Tokyo", "temperature": 22}`, [text(`{"name": "Tokyo", "temperature": 22}`)]],
  ["JSON of a tool's name that is no call", `{"name": "search", "arguments": }`, [
    text(`{"name": "search", "arguments": }`)
  ]],
  ["a list of the tools there are", `[{"name":"search","description":"Looks.","parameters":{"type":"object"}}]`, [
    text(`[{"name":"search","description":"Looks.","parameters":{"type":"object"}}]`)
  ]],
  ["a tool's name alone", `{"name":"search"}`, [text(`{"name":"search"}`)]],
  ["a list", "[1] first\n[2] second", [text("[1] first\n[2] second")]],
  ["JSON that is cut", `{"name": "get_weather", "argum`, [text(`{"name": "get_weather", "argum`)]],
  ["JSON in the middle of a text", `It is ${json}.`, [text(`It is ${json}.`)]]
]

describe("ModelText", () => {
  for (const [title, input, expected] of cases) {
    it(`splits ${title}, however it is cut`, () => {
      assert.deepStrictEqual(joined(split([input])), expected)
      assert.deepStrictEqual(joined(split(input)), expected, "character by character")
      for (let cut = 1; cut < input.length; cut++) {
        assert.deepStrictEqual(joined(split([input.slice(0, cut), input.slice(cut)])), expected, `cut at ${cut}`)
      }
    })
  }

  it("sees no calls where no tools were declared", () => {
    const input = `<tool_call>${json}</tool_call>`
    assert.deepStrictEqual(joined(split(input, new Set())), [text(input)])
    assert.deepStrictEqual(joined(split(json, new Set())), [text(json)])
  })

  it("takes a think tag for text where the reasoning came apart", () => {
    assert.deepStrictEqual(joined(split("\n<think>x</think>", tools, ModelText.afterReasoning)), [
      text("<think>x</think>")
    ])
  })

  it("gives out text at once, holding back only what may become a tag", () => {
    let state = ModelText.initial
    const pieces = (chunk: string) => {
      const [next, pieces] = ModelText.push(state, chunk, tools)
      state = next
      return pieces
    }
    assert.deepStrictEqual(pieces("Hello"), [text("Hello")])
    assert.deepStrictEqual(pieces(" <to"), [text(" ")])
    assert.deepStrictEqual(pieces("p>"), [text("<top>")])
    assert.deepStrictEqual(pieces("<tool_call>"), [])
    assert.deepStrictEqual(pieces(" is a tag"), [text("<tool_call>"), text(" is a tag")])
    assert.deepStrictEqual(pieces(" ["), [text(" ")])
    assert.deepStrictEqual(pieces("1]"), [text("[1]")])
  })

  it("gives out a bare object as text as soon as it cannot be a call", () => {
    const [state, none] = ModelText.push(ModelText.initial, `{"name": "get_`, tools)
    assert.deepStrictEqual(none, [])
    assert.deepStrictEqual(ModelText.push(state, "t", tools)[1], [text(`{"name": "get_t`)])
  })

  it("reads a long call in linear time", () => {
    const long = `<tool_call>{"name":"search","arguments":{"q":"${"x".repeat(200_000)}"}}</tool_call>`
    const start = performance.now()
    assert.strictEqual(split(long.match(/.{1,4}/gs)!).length, 1)
    assert.isBelow(performance.now() - start, 2_000)
  })

  const pieces = Schema.Array(Schema.Literals([
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "[TOOL_CALLS]",
    json,
    `{"name":"search","parameters":{}}`,
    `{"a":1}`,
    "[",
    "{",
    `"`,
    "\\",
    "<",
    " ",
    "\n",
    "word",
    "é🙂"
  ]))

  it.effect.prop(
    "decodes any text the same, however it is cut",
    { parts: pieces, sizes: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))) },
    ({ parts, sizes }) =>
      Effect.sync(() => {
        const input = parts.join("")
        const chunks: Array<string> = []
        let at = 0
        for (let index = 0; at < input.length; index++) {
          const size = sizes[index % Math.max(1, sizes.length)] ?? 3
          chunks.push(input.slice(at, at + size))
          at += size
        }
        assert.deepStrictEqual(joined(split(chunks)), joined(split([input])))
      })
  )

  it.effect.prop(
    "loses nothing but white space of a text without calls",
    { parts: pieces },
    ({ parts }) =>
      Effect.sync(() => {
        const input = parts.join("")
        const out = split([input], new Set()).map((piece) => piece.type === "call" ? "" : piece.text).join("")
        const squeezed = (text: string) => text.replace(/<\/?think>|\s/g, "")
        assert.strictEqual(squeezed(out), squeezed(input))
      })
  )
})
