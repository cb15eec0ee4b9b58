/**
 * Every provider behind one interface, through its real SDK: what its server sends for the same answer, and how it is
 * reached. The bodies are written by us after the vendors' documentation; see the `fixtures` beside the tests of each.
 */
import { type Duration, type Layer, Redacted } from "effect"
import type { LanguageModel } from "effect/ai"
import type { AgentError, Capabilities } from "fluxion"
import { Anthropic } from "fluxion/anthropic"
import { Google } from "fluxion/google"
import { Ollama } from "fluxion/ollama"
import { OpenAi } from "fluxion/openai"
import { OpenAiCompatible } from "fluxion/openai-compatible"
import * as AnthropicWire from "../anthropic/fixtures/Wire.ts"
import * as CompatibleWire from "../compatible/fixtures/Wire.ts"
import * as GoogleWire from "../google/fixtures/Wire.ts"
import * as OllamaWire from "../ollama/fixtures.ts"
import * as OpenAiWire from "../openai/fixtures/Wire.ts"
import * as Pieces from "./Pieces.ts"
import type * as VendorServer from "./VendorServer.ts"

type Json = { readonly [key: string]: any }

/** A call of a tool; `json` is what comes as its arguments. */
export interface Call {
  /** As the vendor gives it; left out where it is `undefined`. */
  readonly id: string | undefined
  readonly name: string
  readonly json: string
}

/** What a response says. */
export interface Saying {
  readonly text?: string
  /** How many characters a delta has. Default: 4. */
  readonly size?: number
  readonly calls?: ReadonlyArray<Call>
  /** Says that it refuses, or that a filter stopped it, in the vendor's way. */
  readonly refuses?: boolean
  /** Counts no tokens. */
  readonly uncounted?: boolean
}

/** A response, both ways. */
export interface Answer {
  /** Its events, as one text each. */
  readonly streamed: ReadonlyArray<string>
  readonly whole: string
}

/** How a vendor is reached. */
export interface Options {
  readonly model?: string
  readonly apiKey?: string
  /** Gives no key: it is looked for in the environment. */
  readonly keyless?: boolean
  readonly fetch?: typeof globalThis.fetch
  readonly timeout?: Duration.Input
  readonly idleTimeout?: Duration.Input
  readonly capabilities?: ReadonlyArray<Capabilities.Rule>
}

/** One provider. */
export interface Vendor {
  readonly name: "openai" | "anthropic" | "google" | "ollama" | "compatible"
  /** What it is called in messages. */
  readonly title: string
  readonly keyName: string
  /** A key as this vendor issues it. */
  readonly key: string
  /** The address that it has in the real world, for `layer`. */
  readonly home: string
  readonly streamType: string
  readonly layer: (
    url: string,
    options?: Options
  ) => Layer.Layer<LanguageModel.LanguageModel, AgentError.ModelUnresolved>
  readonly answer: (saying: Saying) => Answer
  /** How many events of a streamed text come before its first delta. */
  readonly opening: number
  /** Events that nobody knows, to be put anywhere into a stream. */
  readonly unknown: ReadonlyArray<string>
  /** A line of the stream that is no event. */
  readonly broken: string
  /** The calls and the results that a request gives back, in order, by their ids; `undefined` where it gives none. */
  readonly given: (request: Json) => {
    readonly calls: ReadonlyArray<string | undefined>
    readonly results: ReadonlyArray<readonly [id: string | undefined, text: string]>
  }
}

/** How every answer is counted. */
export const usage = { input: 36, output: 12 }

const json = (value: unknown): string => JSON.stringify(value)

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const without = (value: Json, ...keys: ReadonlyArray<string>): Json =>
  Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)))

const settings = ({ key }: Vendor, { apiKey = key, keyless, ...options }: Omit<Options, "model">) => ({
  ...(keyless === true ? {} : { apiKey: Redacted.make(apiKey) }),
  ...options
})

const openai: Vendor = {
  name: "openai",
  title: "OpenAI",
  keyName: "OPENAI_API_KEY",
  key: "sk-proj-abcdefghijklmnop",
  home: "https://api.openai.com",
  streamType: "text/event-stream; charset=utf-8",
  layer: (url, { model = "gpt-5", ...options } = {}) =>
    OpenAi.layer({ model, baseUrl: `${url}/v1`, ...settings(openai, options) }),
  answer: ({ calls = [], refuses, size, text, uncounted }) => {
    const items = [
      ...(text === undefined
        ? []
        : refuses === true
        ? [OpenAiWire.refusal(text)]
        : [OpenAiWire.message(text, size === undefined ? {} : { size })]),
      ...calls.map((call, index) => {
        const { added, done, events } = OpenAiWire.call(call.id ?? `none_${index}`, call.name, call.json, size)
        const drop = call.id === undefined ? ["call_id"] : []
        return {
          added: { ...without(added, ...drop), id: `fc_${index}` },
          events,
          done: { ...without(done, ...drop), id: `fc_${index}` }
        }
      })
    ]
    const scenario = { items, end: uncounted === true ? { usage: null } : {} }
    return {
      streamed: OpenAiWire.events(scenario).map((event) => OpenAiWire.sse([event])),
      whole: json(OpenAiWire.whole(scenario))
    }
  },
  opening: 4,
  unknown: [
    OpenAiWire.sse([
      { type: "response.something.new", output_index: 0, item: { type: "brand_new" } },
      { type: "response.output_item.added", output_index: 9, item: { type: "brand_new", id: "bn_1" } },
      { type: "response.output_item.done", output_index: 9, item: { type: "brand_new", id: "bn_1" } }
    ]),
    ": a comment\n\n"
  ],
  broken: `event: response.output_text.delta\ndata: {"type":"response.output_te\n\n`,
  given: ({ input }) => ({
    calls: input.filter(({ type }: Json) => type === "function_call").map(({ call_id }: Json) => call_id),
    results: input.filter(({ type }: Json) => type === "function_call_output")
      .map(({ call_id, output }: Json) => [call_id, output])
  })
}

const anthropic: Vendor = {
  name: "anthropic",
  title: "Anthropic",
  keyName: "ANTHROPIC_API_KEY",
  key: "sk-ant-api03-abcdefghijklmnop",
  home: "https://api.anthropic.com",
  streamType: "text/event-stream; charset=utf-8",
  layer: (url, { model = "claude-sonnet-4-6", ...options } = {}) =>
    Anthropic.layer({ model, baseUrl: url, ...settings(anthropic, options) }),
  answer: ({ calls = [], refuses, size, text, uncounted }) => {
    const blocks = [
      ...(text === undefined ? [] : [AnthropicWire.text(text, size === undefined ? {} : { size })]),
      ...calls.map((call) => {
        const block = AnthropicWire.call(call.id ?? "", call.name, call.json, size === undefined ? {} : { size })
        return call.id === undefined
          ? { ...block, start: without(block.start, "id"), whole: without(block.whole, "id") }
          : block
      })
    ]
    const end = {
      ...(calls.length === 0 ? {} : { stop_reason: "tool_use" }),
      ...(refuses === true ? { stop_reason: "refusal", stop_details: { type: "refusal", category: null } } : {}),
      ...(uncounted === true ? { usage: {} } : {})
    }
    return {
      streamed: AnthropicWire.events({ blocks, end }).map((event) => AnthropicWire.sse([event])),
      whole: json(AnthropicWire.whole({ blocks, end }))
    }
  },
  opening: 3,
  unknown: [
    AnthropicWire.sse([
      { type: "something_new", index: 0 },
      { type: "content_block_start", index: 9, content_block: { type: "brand_new" } },
      { type: "content_block_delta", index: 9, delta: { type: "brand_new_delta", new: "x" } },
      { type: "content_block_stop", index: 9 }
    ])
  ],
  broken: `event: content_block_delta\ndata: {"type":"content_bl\n\n`,
  given: ({ messages }) => {
    const blocks: ReadonlyArray<Json> = messages.flatMap(({ content }: Json) => Array.isArray(content) ? content : [])
    return {
      calls: blocks.filter(({ type }) => type === "tool_use").map(({ id }) => id),
      results: blocks.filter(({ type }) => type === "tool_result")
        .map(({ content, tool_use_id }) => [tool_use_id, Array.isArray(content) ? content[0].text : content])
    }
  }
}

const google: Vendor = {
  name: "google",
  title: "Google",
  keyName: "GOOGLE_API_KEY",
  key: GoogleWire.apiKey,
  home: "https://generativelanguage.googleapis.com",
  streamType: "text/event-stream",
  layer: (url, { model = "gemini-3-flash", ...options } = {}) =>
    Google.layer({ model, baseUrl: url, ...settings(google, options) }),
  answer: ({ calls = [], refuses, size, text, uncounted }) => {
    const parts = [
      ...(text === undefined ? [] : [{ text }]),
      ...calls.map(({ id, json, name }) => ({
        functionCall: { ...(id === undefined ? {} : { id }), name, args: parse(json) }
      }))
    ]
    const scenario = {
      parts,
      end: { finishReason: refuses === true ? "SAFETY" : "STOP" },
      ...(uncounted === true ? { about: { usageMetadata: null } } : {})
    }
    return {
      streamed: GoogleWire.chunks(scenario, size).map((chunk) => GoogleWire.sse([chunk])),
      whole: json(GoogleWire.whole(scenario))
    }
  },
  opening: 0,
  unknown: [
    GoogleWire.sse([
      { somethingNew: true },
      { candidates: [{ content: { role: "model", parts: [{ brandNew: { x: 1 } }] }, index: 0 }] },
      { candidates: [{ index: 0, newField: 1 }], newField: {} }
    ])
  ],
  broken: `data: {"candidates": [{"cont\r\n\r\n`,
  given: ({ contents }) => {
    const parts: ReadonlyArray<Json> = contents.flatMap(({ parts }: Json) => parts)
    return {
      calls: parts.flatMap(({ functionCall }) => functionCall === undefined ? [] : [functionCall.id]),
      results: parts.flatMap(({ functionResponse }) =>
        functionResponse === undefined
          ? []
          : [[functionResponse.id, json(Object.values(functionResponse.response)[0])] as const]
      )
    }
  }
}

const ollama: Vendor = {
  name: "ollama",
  title: "Ollama",
  keyName: "OLLAMA_API_KEY",
  key: "ollama-key-abcdefghijklmnop",
  home: "https://ollama.com",
  streamType: "application/x-ndjson",
  layer: (url, { model = "llama3.2", ...options } = {}) =>
    Ollama.layer({ model, host: url, ...settings(ollama, options) }),
  answer: ({ calls = [], size = 4, text = "", uncounted }) => {
    const tool_calls = calls.map(({ id, json, name }) => ({
      ...(id === undefined ? {} : { id }),
      function: { name, arguments: parse(json) }
    }))
    const called = tool_calls.length === 0 ? {} : { tool_calls }
    const counts = uncounted === true
      ? {}
      : { prompt_eval_count: usage.input, eval_count: usage.output }
    const last = { ...without(OllamaWire.done(), "prompt_eval_count", "eval_count"), ...counts }
    return {
      streamed: [
        ...Pieces.of(text, size).map((content) => OllamaWire.chunk({ content })),
        ...(calls.length === 0 ? [] : [OllamaWire.chunk({ content: "", ...called })]),
        last
      ].map((chunk) => OllamaWire.ndjson(chunk)),
      whole: json({ ...last, message: { role: "assistant", content: text, ...called } })
    }
  },
  opening: 0,
  unknown: [
    OllamaWire.ndjson({ ...OllamaWire.chunk({ content: "" }), something_new: { x: 1 } }),
    OllamaWire.ndjson({ ...OllamaWire.chunk({}), message: { role: "assistant", brand_new: [1] } })
  ],
  broken: `{"model":\n`,
  given: ({ messages }) => ({
    calls: messages.flatMap(({ tool_calls = [] }: Json) => tool_calls.map(({ id }: Json) => id)),
    results: messages.filter(({ role }: Json) => role === "tool")
      .map(({ content, tool_call_id }: Json) => [tool_call_id, content])
  })
}

/** Any server of Chat Completions; OpenRouter for one. */
const compatible: Vendor = {
  name: "compatible",
  title: "OpenRouter",
  keyName: "OPENROUTER_API_KEY",
  key: "sk-or-v1-abcdefghijklmnop",
  home: "https://openrouter.ai/api",
  streamType: "text/event-stream",
  layer: (url, { model = "acme/acme-7b", ...options } = {}) =>
    OpenAiCompatible.layer({ name: "openrouter", model, baseUrl: `${url}/v1`, ...settings(compatible, options) }),
  answer: ({ calls = [], refuses, size, text, uncounted }) => {
    const field = refuses === true ? "refusal" : "content"
    const drop = ({ id: _, ...call }: Json) => call
    const scenario = {
      deltas: [
        ...(text === undefined ? [] : CompatibleWire.deltas(text, field, size)),
        ...calls.flatMap((call, index) => {
          const [first, ...rest] = CompatibleWire.call(index, call.id ?? "", call.name, call.json, size)
          return call.id === undefined ? [{ tool_calls: [drop(first!["tool_calls"][0])] }, ...rest] : [first!, ...rest]
        })
      ],
      message: {
        content: null,
        ...(text === undefined ? {} : { [field]: text }),
        ...(calls.length === 0 ? {} : {
          tool_calls: calls.map(({ id, json, name }) => {
            const call = CompatibleWire.wholeCall(id ?? "", name, json)
            return id === undefined ? drop(call) : call
          })
        })
      },
      finish: calls.length === 0 ? "stop" : "tool_calls",
      ...(uncounted === true ? { usage: null } : {})
    }
    return {
      streamed: [
        ...CompatibleWire.chunks(scenario).map((chunk) => CompatibleWire.sse([chunk], "")),
        "data: [DONE]\n\n"
      ],
      whole: json(CompatibleWire.whole(scenario))
    }
  },
  opening: 1,
  unknown: [
    ": OPENROUTER PROCESSING\n\n",
    CompatibleWire.sse([
      { object: "something.new", new: true },
      { object: "chat.completion.chunk", choices: [] },
      CompatibleWire.chunk({ brand_new: { x: 1 } })
    ], "")
  ],
  broken: `data: {"choices": [\n\n`,
  given: ({ messages }) => ({
    calls: messages.flatMap(({ tool_calls = [] }: Json) => tool_calls.map(({ id }: Json) => id)),
    results: messages.filter(({ role }: Json) => role === "tool")
      .map(({ content, tool_call_id }: Json) => [tool_call_id, content])
  })
}

/** The providers. */
export const vendors: ReadonlyArray<Vendor> = [openai, anthropic, google, ollama, compatible]

/** An answer as a server gives it, streamed or whole. */
export const reply = ({ streamType }: Vendor, answer: Answer, stream: boolean): VendorServer.Reply =>
  stream
    ? { headers: { "content-type": streamType }, body: answer.streamed }
    : { headers: { "content-type": "application/json" }, body: answer.whole }

/** A stream that breaks off after so many deltas of a text. */
export const begun = (vendor: Vendor, text: string, deltas: number): VendorServer.Reply => ({
  headers: { "content-type": vendor.streamType },
  body: vendor.answer({ text }).streamed.slice(0, vendor.opening + deltas),
  after: "cut"
})
