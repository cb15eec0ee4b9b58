/**
 * Whether a server of the Chat Completions API would take a request: POST /v1/chat/completions.
 *
 * Shapes are from `ChatCompletionCreateParams` of the SDK (openai@7.57), with the fields in which other servers give
 * reasoning and want it back (DeepSeek, vLLM: `reasoning_content`; OpenRouter, Groq: `reasoning`, `reasoning_details`),
 * and what OpenRouter (`reasoning`) and Mistral (`random_seed`) call otherwise.
 * Rules between fields are from OpenAI's guides and the texts of its refusals: the others follow them.
 */
import * as JsonSchemas from "./JsonSchemas.ts"
import * as OpenAiModels from "./OpenAiModels.ts"
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
  number,
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

const name = string(/^[a-zA-Z0-9_-]{1,64}$/)

/** "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum length 40" */
const callId = string(/^.{1,40}$/s)

const textPart = struct({ type: anything, text: string() }, { prompt_cache_breakpoint: object })

const texts = stringOr(string(), listOf(tagged("type", { text: textPart }), 1))

const userPart = tagged("type", {
  text: textPart,
  image_url: struct({
    type: anything,
    image_url: struct({ url: string(/^(https?:\/\/|data:image\/[a-z.+-]+;base64,)/) }, {
      detail: oneOf("auto", "low", "high")
    })
  }, { prompt_cache_breakpoint: object }),
  input_audio: struct({ type: anything, input_audio: object }),
  file: struct({
    type: anything,
    file: struct({}, { file_data: string(/^data:[^;]+;base64,/), file_id: filled, filename: filled })
  })
})

const call = struct({
  id: callId,
  type: oneOf("function"),
  function: struct({ name, arguments: string() })
}, { index: integer(0) })

const message = tagged("role", {
  system: struct({ role: anything, content: texts }, { name: string() }),
  developer: struct({ role: anything, content: texts }, { name: string() }),
  user: struct({ role: anything, content: stringOr(string(), listOf(userPart, 1)) }, { name: string() }),
  assistant: struct({ role: anything }, {
    content: orNull(
      stringOr(
        string(),
        listOf(tagged("type", { text: textPart, refusal: struct({ type: anything, refusal: string() }) }), 1)
      )
    ),
    refusal: orNull(string()),
    name: string(),
    audio: anything,
    // "Invalid 'messages[1].tool_calls': empty array. Expected an array with minimum length 1"
    tool_calls: listOf(call, 1),
    reasoning: string(),
    reasoning_content: string(),
    reasoning_details: listOf(object)
  }),
  tool: struct({ role: anything, content: texts, tool_call_id: callId }, { name: string() })
})

const tool: Shape = (value, path, say) => {
  struct({
    type: oneOf("function"),
    function: struct({ name }, { description: string(), parameters: object, strict: orNull(boolean) })
  })(
    value,
    path,
    say
  )
  const made = isObject(value) && isObject(value["function"]) ? value["function"] : {}
  const at = `${path}.function.parameters`
  if (made["strict"] === true) JsonSchemas.openAiStrict(made["parameters"], at, say)
  else if (made["parameters"] !== undefined) JsonSchemas.objectRoot(made["parameters"], at, say)
}

const responseFormat: Shape = (value, path, say) => {
  tagged("type", {
    text: struct({ type: anything }),
    json_object: struct({ type: anything }),
    json_schema: struct({
      type: anything,
      json_schema: struct({ name }, { description: string(), schema: object, strict: orNull(boolean) })
    })
  })(value, path, say)
  const schema = isObject(value) && isObject(value["json_schema"]) ? value["json_schema"] : undefined
  if (schema?.["strict"] === true) JsonSchemas.openAiStrict(schema["schema"], `${path}.json_schema.schema`, say)
}

const body = struct({ model: filled, messages: listOf(message, 1) }, {
  audio: object,
  frequency_penalty: number(-2, 2),
  logit_bias: object,
  logprobs: boolean,
  max_completion_tokens: integer(1),
  max_tokens: integer(1),
  metadata: object,
  modalities: listOf(string()),
  n: integer(1),
  parallel_tool_calls: boolean,
  prediction: object,
  presence_penalty: number(-2, 2),
  prompt_cache_key: filled,
  prompt_cache_options: object,
  prompt_cache_retention: oneOf("in_memory", "24h"),
  random_seed: integer(0),
  reasoning: struct({}, { effort: oneOf("none", "minimal", "low", "medium", "high", "xhigh"), exclude: boolean }),
  reasoning_effort: oneOf("none", "minimal", "low", "medium", "high", "xhigh", "max"),
  response_format: responseFormat,
  safety_identifier: string(),
  seed: integer(),
  service_tier: string(),
  stop: stringOr(filled, listOf(filled, 1, 4)),
  store: boolean,
  stream: boolean,
  stream_options: struct({}, { include_usage: boolean, include_obfuscation: boolean }),
  temperature: number(0, 2),
  tool_choice: anything,
  tools: listOf(tool, 1, 128),
  top_logprobs: integer(0, 20),
  top_p: number(0, 1),
  user: string(),
  verbosity: oneOf("low", "medium", "high"),
  web_search_options: object
})

const toolChoice = (request: Json, say: Say) => {
  const tools = list(request["tools"])
  const choice = request["tool_choice"]
  // "'parallel_tool_calls' is only allowed when 'tools' are specified."
  if (request["parallel_tool_calls"] !== undefined && tools.length === 0) say("parallel_tool_calls", "needs tools")
  if (choice === undefined) return
  // "'tool_choice' is only allowed when 'tools' are specified."
  if (tools.length === 0) say("tool_choice", "needs tools")
  if (typeof choice === "string") return oneOf("none", "auto", "required")(choice, "tool_choice", say)
  const named = struct({ type: anything, function: struct({ name }) })
  tagged("type", {
    function: named,
    allowed_tools: struct({
      type: anything,
      allowed_tools: struct({ mode: oneOf("auto", "required"), tools: listOf(named, 1) })
    })
  })(choice, "tool_choice", say)
  const declared = new Set(tools.map((each) => each?.function?.name))
  const wanted: ReadonlyArray<any> = isObject(choice) && isObject(choice["allowed_tools"])
    ? list(choice["allowed_tools"]["tools"])
    : [choice]
  for (const each of wanted) {
    if (!declared.has(each?.function?.name)) {
      say("tool_choice", `names a tool that is not declared: ${each?.function?.name}`)
    }
  }
}

/** What single vendors ask of a history beyond what all do. */
const vendorRules = (request: Json, model: string, say: Say) => {
  const messages = list(request["messages"])
  const begins = messages.findLastIndex((each: any) => each?.role === "user")
  messages.forEach((each: any, index) => {
    const at = `messages[${index}]`
    if (/^(mi|magi|mini|code|dev|pix)stral/.test(model)) {
      // "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9."
      for (const id of [each?.tool_call_id, ...list(each?.tool_calls).map((one) => one?.id)]) {
        if (id !== undefined && !/^[a-zA-Z0-9]{9}$/.test(id)) {
          say(at, `${model} takes ids of nine letters and digits: ${id}`)
        }
      }
      // "Unexpected role 'user' after role 'tool'"
      if (each?.role === "user" && messages[index - 1]?.role === "tool") {
        say(at, `${model} takes no user right after results`)
      }
    }
    // "Missing `reasoning_content` field in the assistant message at message index 2."
    const isOpen = index > begins && list(each?.tool_calls).length > 0
    if (model.startsWith("deepseek-reasoner") && isOpen && each.reasoning_content === undefined) {
      say(at, `${model} wants reasoning_content back while a turn goes on`)
    }
  })
}

/** Every call is answered once, right after the message that asked. */
const history = (request: Json, say: Say) => {
  let open = new Set<unknown>()
  const unanswered = (at: string) => {
    // "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'."
    for (const id of open) say(at, `the call ${String(id)} is not answered before this`)
  }
  const messages = list(request["messages"])
  messages.forEach((each: any, index) => {
    const at = `messages[${index}]`
    if (each?.role === "tool") {
      // "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
      if (!open.delete(each.tool_call_id)) say(`${at}.tool_call_id`, "answers no call of the message before")
      return
    }
    unanswered(at)
    open = new Set()
    if (each?.role !== "assistant") return
    const calls = list(each.tool_calls)
    open = new Set(calls.map((one) => one?.id))
    if (open.size < calls.length) say(`${at}.tool_calls`, "two calls have one id")
    // "Invalid value for 'content': expected a string, got null."
    if (
      calls.length === 0 && (each.content === undefined || each.content === null) && typeof each.refusal !== "string"
    ) {
      say(`${at}.content`, "is required where there are no calls")
    }
  })
  unanswered("the end")
}

const modelRules = (request: Json, model: string, say: Say) => {
  const known = OpenAiModels.efforts(model)
  const effort = request["reasoning_effort"]
  if (request["max_tokens"] !== undefined && request["max_completion_tokens"] !== undefined) {
    say("max_tokens", "not beside max_completion_tokens")
  }
  // "The 'stream_options' parameter is only allowed when 'stream' is enabled."
  if (request["stream_options"] !== undefined && request["stream"] !== true) {
    say("stream_options", "only when streaming")
  }
  // "Unrecognized request argument supplied: reasoning_effort"
  if (effort !== undefined && /^(gpt-[34]|chatgpt)/.test(model)) say("reasoning_effort", `${model} does not reason`)
  // "Function tools with reasoning_effort are not supported for gpt-5.6-luna in /v1/chat/completions. …"
  if (
    effort !== undefined && effort !== "none" && list(request["tools"]).length > 0 &&
    /^gpt-(5\.[6-9]|[6-9])/.test(model)
  ) {
    say("reasoning_effort", `${model} takes none beside tools, in this API`)
  }
  if (known === undefined) return
  // "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
  if (request["max_tokens"] !== undefined) say("max_tokens", `${model} takes max_completion_tokens`)
  if (effort !== undefined && !known.includes(String(effort))) {
    say("reasoning_effort", `${model} takes ${known.join(", ")}`)
  }
  for (const key of ["temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs"]) {
    if (request[key] !== undefined && !OpenAiModels.takesSampling(model, effort)) {
      say(key, `${model} takes none while it reasons`)
    }
  }
  // "Unsupported parameter: 'stop' is not supported with this model."
  if (request["stop"] !== undefined) say("stop", `${model} takes none`)
}

/** What a server of the Chat Completions API would refuse in a request. */
export const violations = (request: unknown, model: string): ReadonlyArray<string> =>
  collect((say) => {
    body(request, "body", say)
    if (!isObject(request)) return
    if (request["model"] !== model) say("model", `has to be ${model}`)
    const names = list(request["tools"]).map((each) => each?.function?.name)
    if (new Set(names).size < names.length) say("tools", "two tools have one name")
    toolChoice(request, say)
    history(request, say)
    vendorRules(request, model, say)
    modelRules(request, model, say)
  })
