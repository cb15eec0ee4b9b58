/**
 * Whether an Ollama server would take a request, and do what it says: POST /api/chat.
 *
 * Ollama ignores fields that it does not know, so an unknown one is a wish that is lost. Shapes are from `ChatRequest` of
 * the SDK (ollama@0.6.4) and, where it lags behind, from the server's `api/types.go`: ids of calls, `tool_call_id`.
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
  number,
  object,
  oneOf,
  type Say,
  string,
  stringOr,
  struct,
  tagged
} from "./Shape.ts"

/** What a model of the library can do, as its page says ("tools", "thinking", "vision"). */
const can = (model: string) => ({
  tools: !/^(llama3|llama2|gemma2?|phi3|deepseek-r1:1\.5b)(:|$)/.test(model),
  levels: model.startsWith("gpt-oss"),
  thinking: /^(qwen3(?!-coder|-vl:.*instruct)|gpt-oss|deepseek-r1|deepseek-v3|magistral)/.test(model),
  vision: /vision|llava|vl|gemma3|gemma4|minicpm-v|mistral-small3/.test(model)
})

const call = struct({ function: struct({ name: filled, arguments: object }, { index: integer(0) }) }, {
  id: filled,
  type: oneOf("function")
})

const message = tagged("role", {
  system: struct({ role: anything, content: string() }),
  user: struct({ role: anything, content: string() }, { images: listOf(string(/^[A-Za-z0-9+/]+=*$/), 1) }),
  assistant: struct({ role: anything, content: string() }, {
    thinking: string(),
    tool_calls: listOf(call, 1),
    images: listOf(string())
  }),
  tool: struct({ role: anything, content: string(), tool_name: filled }, {
    tool_call_id: filled,
    images: listOf(string(/^[A-Za-z0-9+/]+=*$/), 1)
  })
})

const tool = struct({
  type: oneOf("function"),
  function: struct({ name: filled, parameters: object }, { description: string() })
})

const options = struct({}, {
  ...Object.fromEntries(
    ("num_ctx num_batch num_gpu main_gpu num_thread num_keep seed num_predict top_k repeat_last_n mirostat").split(" ")
      .map((key) => [key, integer()])
  ),
  ...Object.fromEntries(
    ("top_p min_p tfs_z typical_p temperature repeat_penalty presence_penalty frequency_penalty mirostat_tau "
      + "mirostat_eta").split(" ").map((key) => [key, number()])
  ),
  ...Object.fromEntries(
    "numa low_vram f16_kv logits_all vocab_only use_mmap use_mlock embedding_only penalize_newline".split(" ")
      .map((key) => [key, boolean])
  ),
  stop: listOf(filled, 1)
})

const body = struct({ model: filled, messages: listOf(message, 1) }, {
  stream: boolean,
  format: stringOr(oneOf("json"), object),
  keep_alive: anything,
  tools: listOf(tool, 1),
  think: oneOf(true, false, "low", "medium", "high", "max"),
  logprobs: boolean,
  top_logprobs: integer(0),
  options
})

/** Every call is answered right after it, in the order asked, by its name: many templates know no ids. */
const history = (request: Json, say: Say) => {
  const messages = list(request["messages"])
  let open: Array<any> = []
  messages.forEach((each: any, index) => {
    const at = `messages[${index}]`
    if (each?.role === "tool") {
      const asked = open.shift()
      if (asked === undefined) return say(at, "answers no call")
      if (asked.function?.name !== each.tool_name) say(`${at}.tool_name`, `has to be ${asked.function?.name}`)
      if (each.tool_call_id !== asked.id) say(`${at}.tool_call_id`, "is not the id of its call")
      return
    }
    if (open.length > 0) say(at, `${open.length} calls are not answered before this`)
    open = each?.role === "assistant" ? [...list(each.tool_calls)] : []
    if (each?.role === "assistant" && each.content === "" && open.length === 0) say(at, "says nothing")
  })
  if (open.length > 0) say("messages", `${open.length} calls are not answered`)
}

const modelRules = (request: Json, model: string, say: Say) => {
  const facts = can(model)
  const { format, think } = request
  // "registry.ollama.ai/library/llama3:latest does not support tools"
  if (request["tools"] !== undefined && !facts.tools) say("tools", `${model} does not support tools`)
  // "\"llama3.2\" does not support thinking"
  if (think !== undefined && think !== false && !facts.thinking) say("think", `${model} does not support thinking`)
  // "think value \"medium\" is not supported for this model"; gpt-oss ignores true and false
  if (facts.thinking && think !== undefined && (typeof think === "string") !== facts.levels) {
    say("think", facts.levels ? `${model} takes low, medium, high` : `${model} takes true and false`)
  }
  // the answer is made by a grammar of the format alone: no call can come
  if (format !== undefined && request["tools"] !== undefined) say("format", "shuts out calls of tools")
  list(request["messages"]).forEach((each: any, index) => {
    if (each?.images !== undefined && !facts.vision) say(`messages[${index}].images`, `${model} sees no images`)
  })
}

/** What Ollama would refuse in a request, or not heed. */
export const violations = (request: unknown, model: string): ReadonlyArray<string> =>
  collect((say) => {
    body(request, "body", say)
    if (!isObject(request)) return
    if (request["model"] !== model) say("model", `has to be ${model}`)
    const names = list(request["tools"]).map((each) => each?.function?.name)
    if (new Set(names).size < names.length) say("tools", "two tools have one name")
    list(request["tools"]).forEach((each, index) => {
      JsonSchemas.objectRoot(each?.function?.parameters, `tools[${index}].function.parameters`, say)
    })
    history(request, say)
    modelRules(request, model, say)
  })
