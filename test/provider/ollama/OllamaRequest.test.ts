import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { Prompt, Tool } from "effect/ai"
import type * as Sdk from "ollama"
import * as OllamaRequest from "../../../src/provider/ollama/OllamaRequest.ts"
import { request } from "./fixtures.ts"

const make = (given: Parameters<typeof request>[0], settings: Partial<OllamaRequest.ModelSettings> = {}) =>
  OllamaRequest.make(request(given), { model: "llama3.2", vision: true, ...settings })

const body = (given: Parameters<typeof request>[0], settings: Partial<OllamaRequest.ModelSettings> = {}) =>
  Result.getOrThrow(make(given, settings))

const refusal = (given: Parameters<typeof request>[0]) => {
  const made = make(given)
  if (Result.isSuccess(made)) throw new Error("this request should be refused")
  return made.failure
}

const messages = (...content: ReadonlyArray<Prompt.MessageEncoded>) => body({ prompt: content }).messages

const getWeather = Tool.make("get_weather", {
  description: "Current weather for a city.",
  parameters: Schema.Struct({ city: Schema.String.annotate({ description: "A city." }) }),
  success: Schema.String
})
const search = Tool.make("search", { parameters: Schema.Struct({ q: Schema.String }), success: Schema.String })
const tools = [getWeather, search]

/** A Schema whose JSON Schema cannot be made. */
const Broken = Schema.suspend((): Schema.Codec<string> => {
  throw new Error("there is none")
})

const png = new Uint8Array([137, 80, 78, 71])
const user = (...content: ReadonlyArray<Prompt.UserMessagePartEncoded>): Prompt.MessageEncoded => ({
  role: "user",
  content
})
const image = (data: Prompt.FilePartEncoded["data"], mediaType = "image/png"): Prompt.FilePartEncoded => ({
  type: "file",
  mediaType,
  data
})

describe("OllamaRequest", () => {
  it("is what the SDK takes", () => {
    type Field = "model" | "stream" | "think" | "keep_alive" | "format" | "options"
    expectTypeOf<Pick<OllamaRequest.ChatRequest, Field>>().toExtend<Pick<Sdk.ChatRequest, Field>>()
  })

  it("says nothing that was not asked for", () => {
    assert.deepStrictEqual(body({}), {
      model: "llama3.2",
      messages: [{ role: "user", content: "hello" }],
      stream: true
    })
  })

  it("carries every option under Ollama's name", () => {
    const options = {
      maxTokens: 100,
      temperature: 0.5,
      topP: 0.9,
      seed: 7,
      stopSequences: ["END"],
      reasoning: "high",
      stream: false
    } as const
    assert.deepInclude(body({ options }, { keepAlive: "10m", numCtx: 8192 }), {
      stream: false,
      think: true,
      keep_alive: "10m",
      options: { num_ctx: 8192, num_predict: 100, temperature: 0.5, top_p: 0.9, seed: 7, stop: ["END"] }
    })
  })

  it("asks for a level of reasoning only where the model has levels", () => {
    const think = (model: string) => body({ options: { reasoning: "low" } }, { model }).think
    assert.strictEqual(think("gpt-oss:20b"), "low")
    assert.strictEqual(think("qwen3"), true)
  })

  it("lays providerOptions.ollama over the request, and leaves the other providers' out", () => {
    const made = body({
      options: {
        maxTokens: 100,
        seed: 1,
        providerOptions: {
          ollama: { think: "high", options: { seed: 2, top_k: 3 }, stream: false },
          openai: { store: true }
        }
      }
    })
    assert.deepInclude(made, { think: "high", options: { num_predict: 100, seed: 2, top_k: 3 }, stream: true })
    assert.notProperty(made, "store")
  })

  describe("tools", () => {
    it("are declared with description and schema", () => {
      assert.deepStrictEqual(body({ tools: [getWeather] }).tools, [{
        type: "function",
        function: {
          name: "get_weather",
          description: "Current weather for a city.",
          parameters: {
            type: "object",
            properties: { city: { type: "string", description: "A city." } },
            required: ["city"],
            additionalProperties: true
          }
        }
      }])
    })

    it("are encoded once", () => {
      assert.strictEqual(body({ tools }).tools?.[0], body({ tools }).tools?.[0])
    })

    it("are left out for choice none, and those that are not allowed for oneOf", () => {
      const names = (toolChoice: NonNullable<Parameters<typeof request>[0]>["toolChoice"]) =>
        body({ tools, toolChoice: toolChoice! }).tools?.map((tool) => tool.function.name)
      assert.deepStrictEqual(names("auto"), ["get_weather", "search"])
      assert.isUndefined(names("none"))
      assert.deepStrictEqual(names({ oneOf: ["search"] }), ["search"])
      assert.isUndefined(names({ oneOf: [] }))
    })

    it("cannot be forced", () => {
      for (const toolChoice of ["required", { tool: "search" }, { mode: "required", oneOf: ["search"] }] as const) {
        const reason = refusal({ tools, toolChoice })
        assert.strictEqual(reason._tag, "InvalidRequestError")
        assert.include(reason.message, "toolChoice")
      }
    })

    it("of a vendor are refused", () => {
      const own = Tool.providerDefined({
        id: "acme.web_search",
        customName: "AcmeSearch",
        providerName: "web_search"
      })()
      assert.strictEqual(refusal({ tools: [own] })._tag, "InvalidRequestError")
    })

    it("keep a JSON Schema of their own", () => {
      const inputSchema = { type: "object", properties: { a: { $ref: "#/$defs/A" } }, $defs: { A: { enum: ["x"] } } }
      const dynamic = Tool.dynamic("dynamic", { parameters: inputSchema as never })
      assert.deepStrictEqual(body({ tools: [dynamic] }).tools?.[0]?.function.parameters, {
        type: "object",
        properties: { a: { enum: ["x"] } }
      })
    })

    it("have their definitions in place, since the server reads no $ref; recursive ones stay", () => {
      class Place extends Schema.Class<Place>("maps/Place~1")({ name: Schema.String }) {}
      class Route extends Schema.Class<Route>("Route")({ from: Place, to: Schema.Array(Place) }) {}
      const route = Tool.make("route", { parameters: Route, success: Schema.String })
      const text = JSON.stringify(body({ tools: [route] }).tools)
      assert.notInclude(text, "$ref")
      assert.notInclude(text, "$defs")
      assert.strictEqual(text.match(/"name":\{"type":"string"\}/g)?.length, 2)

      interface Tree {
        readonly children: ReadonlyArray<Tree>
      }
      const Tree: Schema.Codec<Tree> = Schema.Struct({
        children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
      }).annotate({ identifier: "Tree" })
      const grow = Tool.make("grow", { parameters: Schema.Struct({ tree: Tree }), success: Schema.String })
      const parameters = body({ tools: [grow] }).tools?.[0]?.function.parameters
      assert.property(parameters, "$defs")
      assert.nestedPropertyVal(parameters, "properties.tree.type", "object")
    })

    it("that have no JSON Schema are refused by name", () => {
      const odd = Tool.make("odd", { parameters: Schema.Struct({ f: Broken }), success: Schema.String })
      const reason = refusal({ tools: [odd] })
      assert.strictEqual(reason._tag, "UnsupportedSchemaError")
      assert.include(reason.message, "odd")
    })
  })

  describe("structured output", () => {
    const schema = Schema.Struct({ n: Schema.Int })

    it("becomes a format of closed objects, without tools", () => {
      const made = body({ tools, responseFormat: { type: "json", objectName: "answer", schema } })
      assert.deepInclude(made.format, { type: "object", required: ["n"], additionalProperties: false })
      assert.notProperty(made, "tools")
    })

    it("without a JSON Schema is refused", () => {
      const responseFormat = { type: "json", objectName: "answer", schema: Schema.Struct({ f: Broken }) } as const
      assert.strictEqual(refusal({ responseFormat })._tag, "UnsupportedSchemaError")
    })
  })

  describe("messages", () => {
    it("of every role are encoded in order", () => {
      assert.deepStrictEqual(
        messages(
          { role: "system", content: "Be brief." },
          user({ type: "text", text: "Weather?" }, { type: "text", text: "In Tokyo." }),
          {
            role: "assistant",
            content: [
              { type: "reasoning", text: "hm" },
              { type: "text", text: "I look." },
              { type: "tool-call", id: "c1", name: "get_weather", params: { city: "Tokyo" } }
            ]
          },
          {
            role: "tool",
            content: [{ type: "tool-result", id: "c1", name: "get_weather", isFailure: false, result: "Sunny" }]
          }
        ),
        [
          { role: "system", content: "Be brief." },
          { role: "user", content: "Weather?\n\nIn Tokyo." },
          {
            role: "assistant",
            content: "I look.",
            thinking: "hm",
            tool_calls: [{ id: "c1", function: { name: "get_weather", arguments: { city: "Tokyo" } } }]
          },
          { role: "tool", content: "Sunny", tool_name: "get_weather", tool_call_id: "c1" }
        ]
      )
    })

    it("are encoded once", () => {
      const prompt = Prompt.make("hello")
      const first = body({ prompt }).messages[0]
      const longer = Prompt.concat(prompt, "more")
      assert.strictEqual(body({ prompt: longer }).messages[0], first)
    })

    it("of an assistant with nothing to say are left out, also what a vendor ran by itself", () => {
      const call = { type: "tool-call", id: "c1", name: "web", params: {}, providerExecuted: true } as const
      assert.deepStrictEqual(messages({ role: "assistant", content: [] }), [])
      assert.deepStrictEqual(messages({ role: "assistant", content: [call] }), [])
    })

    it("have an object for arguments, whatever the model wrote", () => {
      const args = (params: unknown) =>
        messages({ role: "assistant", content: [{ type: "tool-call", id: "c1", name: "t", params }] })[0]
          ?.tool_calls?.[0]?.function.arguments
      assert.deepStrictEqual(args({ a: 1 }), { a: 1 })
      assert.deepStrictEqual(args(`{"city":`), { arguments: `{"city":` })
      assert.deepStrictEqual(args([1]), { arguments: [1] })
      assert.deepStrictEqual(args(null), {})
    })

    it("carry a failed result as an error", () => {
      const result = { type: "tool-result", id: "c1", name: "t", isFailure: true, result: "disk full" } as const
      assert.strictEqual(messages({ role: "tool", content: [result] })[0]?.content, `{"error":"disk full"}`)
    })

    it("carry the images of a result to a model that sees, and say so to one that does not", () => {
      const content: ReadonlyArray<Prompt.ToolMessagePartEncoded> = [{
        type: "tool-result",
        id: "c1",
        name: "shot",
        isFailure: false,
        result: {},
        modelOutput: [{ type: "text", text: "A shot." }, image(png)]
      }]
      const encoded = (vision: boolean) => body({ prompt: [{ role: "tool", content }] }, { vision }).messages[0]
      assert.deepInclude(encoded(true), { content: "A shot.", images: ["iVBORw=="] })
      assert.deepInclude(encoded(false), { content: "A shot.\n[image/png omitted]" })
      assert.notProperty(encoded(false), "images")
    })

    it("name the images of a result that cannot be sent", () => {
      const modelOutput = [image("https://example.com/a.png"), image(png)]
      const result = { type: "tool-result", id: "c1", name: "t", isFailure: false, result: {}, modelOutput } as const
      assert.deepInclude(messages({ role: "tool", content: [result] })[0], {
        content: "[image/png omitted]",
        images: ["iVBORw=="]
      })
    })
  })

  describe("images", () => {
    it("are base64, however they were given", () => {
      for (
        const data of [png, "iVBORw==", "data:image/png;base64,iVBORw==", new URL("data:image/png;base64,iVBORw==")]
      ) {
        assert.deepStrictEqual(messages(user({ type: "text", text: "See:" }, image(data))), [
          { role: "user", content: "See:", images: ["iVBORw=="] }
        ])
      }
    })

    it("are refused with advice when they are only referred to, or are something else", () => {
      const reason = (part: Prompt.FilePartEncoded) => refusal({ prompt: [user(part)] })
      for (
        const [part, advice] of [
          [image("https://example.com/a.png"), "download"],
          [image(new URL("https://example.com/a.png")), "download"],
          [image("./secret.png"), "base64"],
          [image("/etc/passwd"), "base64"],
          [image(""), "base64"],
          [image("data:image/svg+xml,%E0%A4%A"), "malformed"],
          [image(png, "application/pdf"), "text"]
        ] as const
      ) {
        assert.strictEqual(reason(part)._tag, "InvalidUserInputError")
        assert.include(reason(part).message, advice)
      }
    })
  })

  const Text = Schema.String
  const Part = Schema.Union([
    Schema.Struct({ role: Schema.Literal("system"), content: Text }),
    Schema.Struct({ role: Schema.Literal("user"), content: Text }),
    Schema.Struct({
      role: Schema.Literal("assistant"),
      content: Schema.Array(Schema.Union([
        Schema.Struct({ type: Schema.Literals(["text", "reasoning"]), text: Text }),
        Schema.Struct({ type: Schema.Literal("tool-call"), id: Text, name: Text, params: Schema.Json })
      ]))
    }),
    Schema.Struct({
      role: Schema.Literal("tool"),
      content: Schema.Array(Schema.Struct({
        type: Schema.Literal("tool-result"),
        id: Text,
        name: Text,
        isFailure: Schema.Boolean,
        result: Schema.Json
      }))
    })
  ])

  it.effect.prop(
    "takes any history, and every call and result of it",
    { history: Schema.Array(Part) },
    ({ history }) =>
      Effect.sync(() => {
        const encoded = messages(...history as ReadonlyArray<Prompt.MessageEncoded>)
        const count = (type: string) =>
          history.flatMap((message) =>
            typeof message.content === "string" ? [] : message.content.filter((part) => part.type === type)
          ).length
        assert.strictEqual(encoded.flatMap((message) => message.tool_calls ?? []).length, count("tool-call"))
        assert.strictEqual(encoded.filter((message) => message.role === "tool").length, count("tool-result"))
        for (const message of encoded) {
          assert.isString(message.content)
          for (const call of message.tool_calls ?? []) {
            const sent: unknown = call.function.arguments
            assert.isTrue(typeof sent === "object" && sent !== null && !Array.isArray(sent))
          }
        }
        assert.strictEqual(JSON.parse(JSON.stringify(encoded)).length, encoded.length)
      })
  )
})
