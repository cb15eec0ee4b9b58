/**
 * Whether OpenAI's Responses API would take a request: POST /v1/responses.
 *
 * Shapes are from `ResponseCreateParams` of the SDK (openai@7.57). Rules between fields are from the guides on function
 * calling, reasoning, structured outputs and conversation state, and from the texts of the API's refusals.
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

/** "Invalid 'input[2].call_id': string too long. Expected a string with maximum length 64" */
const callId = string(/^.{1,64}$/s)

const status = oneOf("in_progress", "completed", "incomplete")

/** "Invalid value for 'image_url': expected an http(s) or data URL" */
const imageUrl = string(/^(https?:\/\/|data:image\/[a-z.+-]+;base64,)/)

const inputContent = tagged("type", {
  input_text: struct({ type: anything, text: string() }, { prompt_cache_breakpoint: object }),
  input_image: struct({ type: anything }, {
    detail: oneOf("low", "high", "auto", "original"),
    image_url: imageUrl,
    file_id: filled,
    prompt_cache_breakpoint: object
  }),
  input_file: struct({ type: anything }, {
    detail: oneOf("low", "high", "auto"),
    file_data: string(/^data:[^;]+;base64,/),
    file_id: filled,
    file_url: string(/^https?:\/\//),
    filename: filled,
    prompt_cache_breakpoint: object
  })
})

/** "Invalid value: 'input_text'. Supported values are: 'output_text' and 'refusal'." */
const outputContent = tagged("type", {
  output_text: struct({ type: anything, text: string() }, { annotations: listOf(object), logprobs: listOf(object) }),
  refusal: struct({ type: anything, refusal: string() })
})

const phase = oneOf("commentary", "final_answer", null)

const message: Shape = (value, path, say) =>
  tagged("role", {
    user: struct({ role: anything, content: stringOr(string(), listOf(inputContent, 1)) }, { type: oneOf("message") }),
    system: struct({ role: anything, content: stringOr(string(), listOf(inputContent, 1)) }, {
      type: oneOf("message")
    }),
    developer: struct({ role: anything, content: stringOr(string(), listOf(inputContent, 1)) }, {
      type: oneOf("message")
    }),
    assistant: struct({ role: anything, content: stringOr(string(), listOf(outputContent, 1)) }, {
      type: oneOf("message"),
      // "Expected an ID that begins with 'msg'."
      id: string(/^msg/),
      status,
      phase
    })
  })(value, path, say)

const summary = struct({ type: oneOf("summary_text"), text: string() })

const items: { readonly [type: string]: Shape } = {
  message,
  reasoning: struct({ type: anything, id: string(/^rs/), summary: listOf(summary) }, {
    content: listOf(struct({ type: oneOf("reasoning_text"), text: string() })),
    encrypted_content: orNull(filled),
    status
  }),
  function_call: struct({ type: anything, call_id: callId, name, arguments: string() }, {
    id: string(/^fc/),
    status,
    async: boolean,
    caller: object,
    namespace: string()
  }),
  function_call_output: struct({
    type: anything,
    call_id: callId,
    output: stringOr(string(), listOf(inputContent, 1))
  }, { id: filled, status, name: string(), caller: object, namespace: string() })
}

/** What else the API takes among the items: what it made itself, given back as it was. */
const hosted = new Set([
  ..."file_search_call computer_call computer_call_output web_search_call tool_search_call tool_search_output".split(
    " "
  ),
  ..."compaction image_generation_call code_interpreter_call local_shell_call local_shell_call_output shell_call".split(
    " "
  ),
  ..."shell_call_output apply_patch_call apply_patch_call_output mcp_list_tools mcp_approval_request".split(" "),
  ..."mcp_approval_response mcp_call custom_tool_call custom_tool_call_output item_reference program".split(" ")
])

const item: Shape = (value, path, say) => {
  if (!isObject(value)) return say(path, "has to be an object")
  const type = value["type"] ?? "message"
  if (hosted.has(String(type))) return filled(value["id"], `${path}.id`, say)
  const shape = items[String(type)]
  if (shape === undefined) say(`${path}.type`, `is no type of item: ${String(type)}`)
  else shape(value, path, say)
}

const hostedTools = new Set([
  ..."file_search computer computer_use_preview web_search web_search_preview mcp code_interpreter image_generation"
    .split(" "),
  ..."web_search_2025_08_26 web_search_preview_2025_03_11 local_shell shell custom namespace tool_search apply_patch"
    .split(" ")
])

const functionTool = struct({ type: anything, name, parameters: orNull(object), strict: orNull(boolean) }, {
  description: orNull(string()),
  async: boolean,
  defer_loading: boolean,
  allowed_callers: listOf(string()),
  output_schema: orNull(object)
})

const tool: Shape = (value, path, say) => {
  if (!isObject(value)) return say(path, "has to be an object")
  if (hostedTools.has(String(value["type"]))) return
  if (value["type"] !== "function") return say(`${path}.type`, `is no type of tool: ${String(value["type"])}`)
  functionTool(value, path, say)
  if (value["strict"] === true) JsonSchemas.openAiStrict(value["parameters"], `${path}.parameters`, say)
  // "Invalid schema for function 'f': schema must be a JSON Schema of 'type: "object"'"
  else if (value["parameters"] !== null) JsonSchemas.objectRoot(value["parameters"], `${path}.parameters`, say)
}

const format: Shape = (value, path, say) => {
  tagged("type", {
    text: struct({ type: anything }),
    json_object: struct({ type: anything }),
    json_schema: struct({ type: anything, name, schema: object }, {
      description: string(),
      strict: orNull(boolean)
    })
  })(value, path, say)
  if (isObject(value) && value["strict"] === true) JsonSchemas.openAiStrict(value["schema"], `${path}.schema`, say)
}

const includable = oneOf(
  "file_search_call.results",
  "web_search_call.results",
  "web_search_call.action.sources",
  "message.input_image.image_url",
  "computer_call_output.output.image_url",
  "code_interpreter_call.outputs",
  "reasoning.encrypted_content",
  "message.output_text.logprobs"
)

const body = struct({ model: filled, input: stringOr(filled, listOf(item, 1)) }, {
  access_programs: object,
  background: boolean,
  context_management: listOf(object),
  conversation: anything,
  image: object,
  include: listOf(includable),
  instructions: orNull(string()),
  // "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16"
  max_output_tokens: integer(16),
  max_tool_calls: integer(1),
  metadata: object,
  moderation: object,
  parallel_tool_calls: boolean,
  previous_response_id: filled,
  prompt: object,
  prompt_cache_key: filled,
  prompt_cache_options: object,
  prompt_cache_retention: oneOf("in_memory", "24h"),
  reasoning: struct({}, {
    context: oneOf("auto", "current_turn", "all_turns"),
    effort: oneOf("none", "minimal", "low", "medium", "high", "xhigh", "max"),
    mode: string(),
    summary: oneOf("auto", "concise", "detailed")
  }),
  safety_identifier: string(),
  service_tier: string(),
  store: boolean,
  stream: boolean,
  stream_options: object,
  temperature: number(0, 2),
  text: struct({}, { format, verbosity: oneOf("low", "medium", "high") }),
  tool_choice: anything,
  // "Invalid 'tools': array too long. Expected an array with maximum length 128"
  tools: listOf(tool, 0, 128),
  top_logprobs: integer(0, 20),
  top_p: number(0, 1),
  truncation: oneOf("auto", "disabled"),
  user: string()
})

const toolChoice = (request: Json, say: Say) => {
  const choice = request["tool_choice"]
  if (choice === undefined) return
  const tools = list(request["tools"])
  const declared = new Set(tools.map((tool) => tool?.type === "function" ? tool.name : tool?.type))
  if (typeof choice === "string") {
    oneOf("none", "auto", "required")(choice, "tool_choice", say)
    // "Tool choice 'required' must be specified with 'tools' parameter."
    if (choice === "required" && tools.length === 0) say("tool_choice", "required needs tools")
    return
  }
  tagged("type", {
    function: struct({ type: anything, name }),
    allowed_tools: struct({ type: anything, mode: oneOf("auto", "required"), tools: listOf(object, 1) })
  })(choice, "tool_choice", say)
  // "Tool choice 'function' not found in 'tools' parameter."
  const named = isObject(choice) && choice["type"] === "allowed_tools" ? list(choice["tools"]) : [choice]
  named.forEach((each: any) => {
    const wanted = each?.type === "function" ? each.name : each?.type
    if (!declared.has(wanted)) say("tool_choice", `names a tool that is not declared: ${wanted}`)
  })
}

const isOutput = (each: any) => each?.role === "assistant" || each?.type === "function_call" || hosted.has(each?.type)

/** Calls and outputs; reasoning and what follows from it. */
const history = (request: Json, model: string, say: Say) => {
  const input = list(request["input"])
  const open = new Map<unknown, string>()
  const seen = new Set<unknown>()
  const ids = new Set<unknown>()
  input.forEach((each: any, index) => {
    const at = `input[${index}]`
    if (each?.id != null) {
      // "Duplicate item found with id rs_…. Remove duplicate items from your input and try again."
      if (ids.has(each.id)) say(`${at}.id`, `two items have the id ${each.id}`)
      ids.add(each.id)
    }
    switch (each?.type) {
      case "function_call":
        if (seen.has(each.call_id)) say(`${at}.call_id`, `two calls have the id ${each.call_id}`)
        seen.add(each.call_id)
        open.set(each.call_id, at)
        break
      case "function_call_output":
        // "No tool call found for function call output with call_id call_…."
        if (!open.delete(each.call_id)) say(`${at}.call_id`, "answers no call that is open")
        break
      case "reasoning": {
        // "Reasoning input items can only be provided to a reasoning or computer use model."
        if (OpenAiModels.efforts(model) === undefined) say(at, `${model} takes no reasoning items`)
        // "Item with id 'rs_…' not found. Items are not persisted when `store` is set to false."
        if (request["store"] === false && typeof each.encrypted_content !== "string") {
          say(`${at}.encrypted_content`, "is required while nothing is stored")
        }
        // "Item 'rs_…' of type 'reasoning' was provided without its required following item."
        const next = input[index + 1]
        if (next?.type !== "reasoning" && !isOutput(next)) say(at, "has to be followed by what the model made after it")
        break
      }
      default:
        if (open.size > 0 && !isOutput(each)) {
          say(at, `stands between calls and their outputs: ${[...open.keys()].join()}`)
        }
    }
  })
  // "No tool output found for function call call_…."
  for (const [id, at] of open) say(at, `has no output: ${String(id)}`)
}

const modelRules = (request: Json, model: string, say: Say) => {
  const known = OpenAiModels.efforts(model)
  const reasoning = isObject(request["reasoning"]) ? request["reasoning"] : undefined
  const effort = reasoning?.["effort"]
  if (reasoning !== undefined && known === undefined) say("reasoning", `${model} does not reason`)
  if (known !== undefined && effort !== undefined && !known.includes(String(effort))) {
    say("reasoning.effort", `${model} takes ${known.join(", ")}`)
  }
  for (const key of ["temperature", "top_p", "top_logprobs"]) {
    if (request[key] !== undefined && !OpenAiModels.takesSampling(model, effort)) {
      say(key, `${model} takes none while it reasons`)
    }
  }
  // what it reasoned can only be given back if it came encrypted
  if (
    known !== undefined && request["store"] === false &&
    !list(request["include"]).includes("reasoning.encrypted_content")
  ) {
    say("include", "reasoning.encrypted_content is needed while nothing is stored")
  }
}

/** What OpenAI's Responses API would refuse in a request. */
export const violations = (request: unknown, model: string): ReadonlyArray<string> =>
  collect((say) => {
    body(request, "body", say)
    if (!isObject(request)) return
    if (request["model"] !== model) say("model", `has to be ${model}`)
    const names = list(request["tools"]).map((each) => each?.name).filter((each) => each !== undefined)
    if (new Set(names).size < names.length) say("tools", "two tools have one name")
    toolChoice(request, say)
    if (Array.isArray(request["input"])) history(request, model, say)
    modelRules(request, model, say)
  })
