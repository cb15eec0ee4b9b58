/**
 * Whether Anthropic's Messages API would take a request: POST /v1/messages, version 2026-10-21.
 *
 * Shapes are from `MessageCreateParams` of the SDK (@anthropic-ai/sdk@1.12), which knows no sampling. Rules between
 * fields are from the pages on tool use ("Handle tool calls"), thinking ("Troubleshooting thinking", "What's new" of each
 * model) and structured outputs, and from the texts of the API's refusals.
 */
import * as JsonSchemas from "./JsonSchemas.ts"
import {
  anything,
  boolean,
  collect,
  filled,
  integer,
  isObject,
  type Json,
  list,
  listOf,
  object,
  oneOf,
  orNull,
  type Say,
  type Shape,
  string,
  stringOr,
  struct,
  tagged
} from "./Shape.ts"

interface Facts {
  /** `enabled` with a budget, `adaptive`; both on the 4.6 models; none before 3.7. */
  readonly thinking: ReadonlyArray<string>
  /** Thinking may be turned off. */
  readonly canDisable: boolean
  /** It thinks unless it is turned off. */
  readonly byDefault: boolean
  /** A call of a tool may be forced at all. */
  readonly forced: boolean
  /** `output_config.format` and strict tools. */
  readonly structured: boolean
  readonly efforts: ReadonlyArray<string>
  /** The last message may be the beginning of the answer. */
  readonly prefill: boolean
}

const [low, more, most] = [["low", "medium", "high"], ["max"], ["xhigh", "max"]]

/** What a model takes, from the table of "Troubleshooting thinking" and the migration guides. */
const factsOf = (model: string): Facts => {
  const old = /^claude-(?:3-7|(?:sonnet|opus|haiku)-4-(?:\d{8}|[015](?:-|$))|(?:sonnet|opus)-4$)/
  const none: Facts = {
    thinking: [],
    canDisable: true,
    byDefault: false,
    forced: true,
    structured: false,
    efforts: [],
    prefill: true
  }
  if (/^claude-(3-[05]|3-(opus|sonnet|haiku)|2|instant)/.test(model)) return none
  if (old.test(model)) {
    return {
      ...none,
      thinking: ["enabled"],
      structured: /-4-5/.test(model),
      efforts: /opus-4-5/.test(model) ? low : []
    }
  }
  const current = { ...none, structured: true, prefill: false }
  if (/-4-6/.test(model)) return { ...current, thinking: ["enabled", "adaptive"], efforts: [...low, ...more] }
  const newest = /^claude-(opus|sonnet|haiku)-5-5|^claude-(fable|mythos)-5-[12]/.test(model)
  return {
    ...current,
    thinking: /sonnet-5-5/.test(model) ? ["adaptive", "between_tools"] : ["adaptive"],
    canDisable: !/^claude-(fable|mythos)|^claude-(opus|sonnet)-5-5/.test(model),
    byDefault: /-5(-|$)/.test(model),
    forced: !newest,
    efforts: [...low, ...most]
  }
}

/** "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'" */
const id = string(/^[a-zA-Z0-9_-]+$/)

/** "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'" */
const name = string(/^[a-zA-Z0-9_-]{1,128}$/)

/** "text content blocks must be non-empty", "text content blocks must contain non-whitespace text" */
const words: Shape = (value, path, say) => {
  if (typeof value !== "string" || value.trim() === "") say(path, "has to be text that is more than blanks")
}

const cache = { cache_control: orNull(struct({ type: oneOf("ephemeral") }, { ttl: oneOf("5m", "1h") })) }

const text = struct({ type: anything, text: words }, { ...cache, citations: orNull(listOf(object)) })

const imageType = oneOf("image/jpeg", "image/png", "image/gif", "image/webp")

const base64 = string(/^[A-Za-z0-9+/]+=*$/)

const url = string(/^https?:\/\//)

const image = struct({
  type: anything,
  source: tagged("type", {
    base64: struct({ type: anything, media_type: imageType, data: base64 }),
    url: struct({ type: anything, url }),
    file: struct({ type: anything, file_id: filled })
  })
}, { ...cache, transformations: object })

const document = struct({
  type: anything,
  source: tagged("type", {
    base64: struct({ type: anything, media_type: oneOf("application/pdf"), data: base64 }),
    text: struct({ type: anything, media_type: oneOf("text/plain"), data: filled }),
    content: struct({ type: anything, content: anything }),
    url: struct({ type: anything, url }),
    file: struct({ type: anything, file_id: filled })
  })
}, { ...cache, title: orNull(string()), context: orNull(string()), citations: orNull(object) })

const resultContent = tagged("type", {
  text: struct({ type: anything, text: filled }, { ...cache, citations: orNull(listOf(object)) }),
  image,
  document,
  search_result: object,
  tool_reference: object
})

const userBlock = tagged("type", {
  text,
  image,
  document,
  search_result: object,
  container_upload: object,
  tool_result: struct({ type: anything, tool_use_id: id }, {
    ...cache,
    content: stringOr(string(), listOf(resultContent)),
    is_error: boolean,
    toolset_name: orNull(string())
  })
})

const serverTools = oneOf(
  "web_search",
  "web_fetch",
  "code_execution",
  "bash_code_execution",
  "text_editor_code_execution",
  "tool_search_tool_regex",
  "tool_search_tool_bm25"
)

const serverResult = struct({ type: anything, tool_use_id: id, content: anything }, { ...cache, caller: object })

const assistantBlock = tagged("type", {
  text,
  // "messages.1.content.0.thinking.signature: Field required"
  thinking: struct({ type: anything, thinking: string(), signature: filled }),
  redacted_thinking: struct({ type: anything, data: filled }),
  tool_use: struct({ type: anything, id, name, input: object }, {
    ...cache,
    caller: object,
    toolset_name: orNull(string())
  }),
  server_tool_use: struct({ type: anything, id, name: serverTools, input: object }, { ...cache, caller: object }),
  web_search_tool_result: serverResult,
  web_fetch_tool_result: serverResult,
  code_execution_tool_result: serverResult,
  bash_code_execution_tool_result: serverResult,
  text_editor_code_execution_tool_result: serverResult,
  tool_search_tool_result: serverResult
})

const message = tagged("role", {
  user: struct({ role: anything, content: stringOr(words, listOf(userBlock, 1)) }),
  assistant: struct({ role: anything, content: stringOr(words, listOf(assistantBlock, 1)) })
})

const customTool = struct({ name, input_schema: object }, {
  ...cache,
  allowed_callers: listOf(string()),
  defer_loading: boolean,
  description: string(),
  eager_input_streaming: orNull(boolean),
  input_examples: listOf(object),
  strict: boolean,
  type: oneOf("custom", null)
})

const tool: Shape = (value, path, say) => {
  if (!isObject(value)) return say(path, "has to be an object")
  const type = value["type"]
  if (typeof type === "string" && type !== "custom") {
    if (!/^[a-z_]+_20\d{6}$/.test(type)) say(`${path}.type`, "is no type of tool")
    return
  }
  customTool(value, path, say)
  JsonSchemas.objectRoot(value["input_schema"], `${path}.input_schema`, say)
  if (value["strict"] === true) JsonSchemas.anthropic(value["input_schema"], `${path}.input_schema`, say)
}

const parallel = { disable_parallel_tool_use: boolean }

const body = struct({ model: filled, max_tokens: integer(1), messages: listOf(message, 1, 100_000) }, {
  ...cache,
  container: anything,
  diagnostics: object,
  inference_geo: string(),
  metadata: object,
  output_config: struct({}, {
    effort: oneOf("low", "medium", "high", "xhigh", "max"),
    format: struct({ type: oneOf("json_schema"), schema: object })
  }),
  service_tier: oneOf("auto", "standard_only"),
  speed: oneOf("standard", "fast"),
  // "stop_sequences: each stop sequence must contain non-whitespace"
  stop_sequences: listOf(words),
  stream: boolean,
  system: stringOr(words, listOf(tagged("type", { text }), 1)),
  thinking: tagged("type", {
    enabled: struct({ type: anything, budget_tokens: integer(1024) }, { display: oneOf("summarized", "omitted") }),
    adaptive: struct({ type: anything }, { display: oneOf("summarized", "omitted") }),
    disabled: struct({ type: anything }),
    between_tools: struct({ type: anything })
  }),
  tool_choice: tagged("type", {
    auto: struct({ type: anything }, parallel),
    any: struct({ type: anything }, parallel),
    tool: struct({ type: anything, name }, parallel),
    none: struct({ type: anything })
  }),
  tools: listOf(tool)
})

const blocks = (message: any): ReadonlyArray<any> => list(message?.content)

const isThinking = (block: any) => block?.type === "thinking" || block?.type === "redacted_thinking"

/** Roles, calls and results. */
const history = (request: Json, say: Say) => {
  const messages = list(request["messages"])
  // "messages: first message must use the "user" role"
  if (messages[0]?.role !== "user") say("messages[0].role", "the first message has to be the user's")
  const ids = new Set<unknown>()
  messages.forEach((each, index) => {
    const at = `messages[${index}]`
    if (index > 0 && messages[index - 1]?.role === each?.role) say(`${at}.role`, "the roles have to alternate")
    if (each?.role === "assistant") {
      const calls = blocks(each).filter((block) => block?.type === "tool_use" || block?.type === "server_tool_use")
      for (const call of calls) {
        // "messages.3.content.1: `tool_use` ids must be unique"
        if (ids.has(call.id)) say(at, `two calls have the id ${call.id}`)
        ids.add(call.id)
      }
      // "messages.1: The final block in an assistant message cannot be `thinking`."
      if (isThinking(blocks(each).at(-1))) say(at, "cannot end with thinking")
      serverCalls(each, at, index === messages.length - 1, say)
    }
    const asked = blocks(each).filter((block) => block?.type === "tool_use").map((call) => call.id)
    const next = messages[index + 1]
    if (asked.length > 0) answers(asked, next, `messages[${index + 1}]`, say)
    else if (blocks(next).some((block) => block?.type === "tool_result")) {
      // "unexpected `tool_use_id` found in `tool_result` blocks: … must have a corresponding `tool_use` block in the previous message."
      say(`messages[${index + 1}]`, "answers calls that the message before does not make")
    }
  })
  if (blocks(messages[0]).some((block) => block?.type === "tool_result")) {
    say("messages[0]", "answers calls that nobody made")
  }
}

/** "`tool_use` ids were found without `tool_result` blocks immediately after", results first, each once. */
const answers = (asked: ReadonlyArray<unknown>, next: any, at: string, say: Say) => {
  const results = blocks(next).filter((block) => block?.type === "tool_result")
  for (const id of asked) {
    const count = results.filter((result) => result.tool_use_id === id).length
    if (count !== 1) say(at, `has to answer the call ${String(id)} once, not ${count} times`)
  }
  for (const { tool_use_id } of results) {
    if (!asked.includes(tool_use_id)) say(at, `answers a call that the message before does not make: ${tool_use_id}`)
  }
  // "In the user message containing tool results, the tool_result blocks must come FIRST in the content array."
  const first = blocks(next).findIndex((block) => block?.type !== "tool_result")
  if (first !== -1 && first < results.length) say(at, "the results have to come before anything else")
}

/** "`web_search` tool use with id srvtoolu_… was found without a corresponding `web_search_tool_result` block" */
const serverCalls = (message: any, at: string, isLast: boolean, say: Say) => {
  const open = new Set<unknown>()
  for (const block of blocks(message)) {
    if (block?.type === "server_tool_use") open.add(block.id)
    // "Each `web_search_tool_result` block must have a corresponding `server_tool_use` block before it."
    else if (String(block?.type).endsWith("_tool_result") && !open.delete(block.tool_use_id)) {
      say(at, `has a result of no call before it: ${block.tool_use_id}`)
    }
  }
  // a turn that was paused ends with an open call
  if (!isLast) { for (const id of open) say(at, `has no result of the call ${String(id)}`) }
}

const choices = (request: Json, facts: Facts, model: string, say: Say) => {
  const tools = list(request["tools"])
  // "Requests which include `tool_use` or `tool_result` blocks must define tools"
  const isOfTools = (block: any) => block?.type === "tool_use" || block?.type === "tool_result"
  if (tools.length === 0 && list(request["messages"]).flatMap(blocks).some(isOfTools)) {
    say("tools", "have to be defined where the history calls some")
  }
  const choice = isObject(request["tool_choice"]) ? request["tool_choice"] : undefined
  if (choice === undefined) return
  // "tool_choice: may only be specified while providing tools"
  if (tools.length === 0) say("tool_choice", "needs tools")
  if (choice["type"] === "tool" && !tools.some((each) => each?.name === choice["name"])) {
    say("tool_choice.name", `names a tool that is not declared: ${String(choice["name"])}`)
  }
  if (choice["type"] !== "any" && choice["type"] !== "tool") return
  // "tool_choice forces tool use is not supported for this model", What's new in Opus 5.5, Sonnet 5.5, Fable 5.1
  if (!facts.forced) say("tool_choice", `${model} cannot be made to call`)
  const thinking = isObject(request["thinking"])
    ? request["thinking"]["type"]
    : facts.byDefault
    ? "adaptive"
    : "disabled"
  // "Thinking may not be enabled when tool_choice forces tool use."
  if (thinking !== "disabled") say("tool_choice", "cannot force a call while the model thinks")
}

const thinks = (request: Json, facts: Facts, model: string, say: Say) => {
  const thinking = isObject(request["thinking"]) ? request["thinking"] : undefined
  const type = thinking?.["type"]
  // "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and …"
  if (type === "disabled" ? !facts.canDisable : type !== undefined && !facts.thinking.includes(String(type))) {
    say("thinking.type", `${model} takes ${facts.thinking.join(", ") || "no thinking"}`)
  }
  // "`max_tokens` must be greater than `thinking.budget_tokens`."
  if (type === "enabled" && !((thinking!["budget_tokens"] as number) < (request["max_tokens"] as number))) {
    say("thinking.budget_tokens", "has to be below max_tokens")
  }
  const effort = isObject(request["output_config"]) ? request["output_config"]["effort"] : undefined
  // "This model does not support the effort parameter."
  if (effort !== undefined && !facts.efforts.includes(String(effort))) {
    say("output_config.effort", `${model} takes ${facts.efforts.join(", ") || "no effort"}`)
  }
  const loop = openLoop(list(request["messages"]))
  if (loop.length === 0 || !facts.thinking.includes("enabled") || facts.thinking.includes("adaptive")) return
  // "When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost
  // set of `tool_use` and `tool_result` blocks)": the loop counts as one message, which thinks at its beginning.
  if (type === "enabled" && !isThinking(blocks(loop[0])[0])) {
    say("messages", "a loop has to start with thinking while thinking is enabled")
  }
  // "When thinking is disabled, an `assistant` message in the final position cannot contain `thinking`."
  if (type !== "enabled" && loop.flatMap(blocks).some(isThinking)) {
    say("messages", "a loop cannot hold thinking while thinking is off")
  }
}

/** The assistant's messages since the user last said something, if calls were just answered. */
const openLoop = (messages: ReadonlyArray<any>): ReadonlyArray<any> => {
  const holdsResults = (message: any) => blocks(message).some((block) => block?.type === "tool_result")
  if (!holdsResults(messages.at(-1))) return []
  const begins = messages.findLastIndex((message) => message?.role === "user" && !holdsResults(message))
  return messages.slice(begins + 1).filter((message) => message?.role === "assistant")
}

const ending = (request: Json, facts: Facts, model: string, say: Say) => {
  const messages = list(request["messages"])
  const last = messages.at(-1)
  // a turn that was paused while Anthropic runs a tool is gone on with as it is
  if (last?.role !== "assistant" || blocks(last).at(-1)?.type === "server_tool_use") return
  const at = `messages[${messages.length - 1}]`
  // "This model does not support assistant message prefill. The conversation must end with a user message."
  if (!facts.prefill) say(at, `${model} does not go on from an assistant's message`)
  if (isObject(request["thinking"])) say(at, "no prefill while the model thinks")
  const words = typeof last.content === "string" ? last.content : blocks(last).at(-1)?.text
  // "messages: final assistant content cannot end with trailing whitespace"
  if (typeof words === "string" && /\s$/.test(words)) say(at, "cannot end with blanks")
}

const outputs = (request: Json, facts: Facts, model: string, say: Say) => {
  const format = isObject(request["output_config"]) ? request["output_config"]["format"] : undefined
  if (isObject(format)) {
    // "'output_config.format' is not supported on this model" ("Structured outputs": Claude 4.5 and later)
    if (!facts.structured) say("output_config.format", `${model} has no structured outputs`)
    JsonSchemas.anthropic(format["schema"], "output_config.format.schema", say)
  }
  const strict = list(request["tools"]).filter((each) => each?.strict === true)
  if (strict.length > 0 && !facts.structured) say("tools", `${model} has no strict tools`)
  if (strict.length > 20) say("tools", "at most 20 strict tools")
  // "A maximum of 4 blocks with cache_control may be provided."
  const marks = JSON.stringify(request).match(/"cache_control":\{/g)?.length ?? 0
  if (marks > 4) say("cache_control", `at most 4, not ${marks}`)
}

/** What Anthropic's Messages API would refuse in a request. */
export const violations = (request: unknown, model: string): ReadonlyArray<string> =>
  collect((say) => {
    body(request, "body", say)
    if (!isObject(request)) return
    if (request["model"] !== model) say("model", `has to be ${model}`)
    const facts = factsOf(model)
    const names = list(request["tools"]).map((each) => each?.name)
    // "tools: Tool names must be unique."
    if (new Set(names).size < names.length) say("tools", "two tools have one name")
    history(request, say)
    choices(request, facts, model, say)
    thinks(request, facts, model, say)
    ending(request, facts, model, say)
    outputs(request, facts, model, say)
  })

/**
 * What would cost a conversation its thinking: on the newest models a block is bound to all that stood before it when it
 * was made ("Preserved thinking"), so the tools, the system prompt and the messages may only grow from request to request.
 */
export const edits = (before: any, after: any): ReadonlyArray<string> =>
  collect((say) => {
    const same = (left: unknown, right: unknown) => JSON.stringify(left) === JSON.stringify(right)
    if (!same(before.system, after.system)) say("system", "was changed")
    if (!same(before.tools, after.tools)) say("tools", "were changed")
    list(before.messages).forEach((message, index) => {
      if (!same(message, after.messages[index])) say(`messages[${index}]`, "was changed")
    })
  })
