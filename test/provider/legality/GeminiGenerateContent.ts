/**
 * Whether the Gemini API would take a request: POST /v1/models/{model}:generateContent.
 *
 * Shapes are from `GenerateContentConfig`, `Content` and `Part` of the SDK (@google/genai@3.1) as it writes them on the
 * wire. Rules between fields are from the pages on function calling, thinking, thought signatures and structured output,
 * and from the texts of the API's refusals.
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
  type Shape,
  string,
  struct
} from "./Shape.ts"

interface Facts {
  /** 3 and later. */
  readonly is3: boolean
  /** The budgets that a 2.5 model takes. */
  readonly budget: readonly [min: number, max: number, canBeOff: boolean] | undefined
  /** The levels that a later one takes. */
  readonly levels: ReadonlyArray<string>
}

/** The tables of the page on thinking. */
const factsOf = (model: string): Facts => {
  const version = Number(/^gemini-(\d+(?:\.\d+)?)/.exec(model)?.[1] ?? 0)
  if (version >= 3) {
    const levels = /flash/.test(model)
      ? ["MINIMAL", "LOW", "MEDIUM", "HIGH"]
      : version === 3
      ? ["LOW", "HIGH"]
      : ["LOW", "MEDIUM", "HIGH"]
    return { is3: true, budget: undefined, levels }
  }
  return {
    is3: false,
    budget: version < 2.5 ? undefined : /lite/.test(model)
      ? [512, 24_576, true]
      : /pro/.test(model)
      ? [128, 32_768, false]
      : [1, 24_576, true],
    levels: []
  }
}

const base64 = string(/^[A-Za-z0-9+/_-]+=*$/)

const mimeType = string(/^[a-z]+\/[a-z0-9.+-]+$/)

const kinds: { readonly [kind: string]: Shape } = {
  text: string(),
  inlineData: struct({ mimeType, data: base64 }, { displayName: string() }),
  fileData: struct({ fileUri: filled }, { mimeType, displayName: string() }),
  // names: letters, digits, _ . : -, at most 128, the first a letter or _
  functionCall: struct({ name: string(/^[A-Za-z_][\w.:-]{0,127}$/) }, { args: object, id: filled }),
  functionResponse: struct({ name: string(/^[A-Za-z_][\w.:-]{0,127}$/), response: object }, {
    id: filled,
    parts: listOf(object),
    scheduling: string(),
    willContinue: boolean
  }),
  executableCode: struct({ code: string(), language: string() }, { id: string() }),
  codeExecutionResult: struct({ outcome: string() }, { output: string(), id: string() }),
  toolCall: object,
  toolResponse: object
}

const part: Shape = (value, path, say) => {
  if (!isObject(value)) return say(path, "has to be an object")
  struct({}, {
    ...kinds,
    thought: boolean,
    thoughtSignature: base64,
    videoMetadata: object,
    mediaResolution: object,
    partMetadata: object
  })(value, path, say)
  // "contents.parts: required oneof field 'data' must have one initialized field"
  const held = Object.keys(value).filter((key) => key in kinds && value[key] !== undefined)
  if (held.length !== 1) say(path, `has to hold one thing, not ${held.join(", ") || "nothing"}`)
  // "Unable to submit request because it must have a text parameter"; a signature may come on an empty text
  if (value["text"] === "" && value["thoughtSignature"] === undefined) say(`${path}.text`, "is empty")
}

const content = struct({ role: oneOf("user", "model"), parts: listOf(part, 1) })

const declaration: Shape = (value, path, say) => {
  struct({ name: string(/^[A-Za-z_][\w.:-]{0,127}$/) }, {
    behavior: string(),
    description: string(),
    parameters: object,
    parametersJsonSchema: object,
    response: object,
    responseJsonSchema: object
  })(value, path, say)
  if (!isObject(value)) return
  if (value["parameters"] !== undefined && value["parametersJsonSchema"] !== undefined) {
    say(path, "parameters are given twice")
  }
  if (value["parametersJsonSchema"] === undefined) return
  JsonSchemas.objectRoot(value["parametersJsonSchema"], `${path}.parametersJsonSchema`, say)
  JsonSchemas.gemini(value["parametersJsonSchema"], `${path}.parametersJsonSchema`, say)
}

const builtIn = ("googleSearch googleSearchRetrieval codeExecution urlContext googleMaps fileSearch computerUse "
  + "mcpServers").split(" ")

const tool = struct({}, {
  functionDeclarations: listOf(declaration, 1, 512),
  ...Object.fromEntries(builtIn.map((key) => [key, anything]))
})

const generationConfig = struct({}, {
  candidateCount: integer(1, 8),
  frequencyPenalty: number(-2, 2),
  imageConfig: object,
  logprobs: integer(0, 20),
  maxOutputTokens: integer(1),
  mediaResolution: string(),
  presencePenalty: number(-2, 2),
  responseJsonSchema: object,
  responseLogprobs: boolean,
  responseMimeType: oneOf("text/plain", "application/json", "text/x.enum"),
  responseModalities: listOf(string()),
  responseSchema: object,
  seed: integer(-(2 ** 31), 2 ** 31 - 1),
  speechConfig: object,
  // "the number of stop sequences must be at most 5"
  stopSequences: listOf(filled, 0, 5),
  temperature: number(0, 2),
  thinkingConfig: struct({}, {
    includeThoughts: boolean,
    thinkingBudget: integer(-1),
    thinkingLevel: oneOf("MINIMAL", "LOW", "MEDIUM", "HIGH")
  }),
  topK: integer(1),
  topP: number(0, 1)
})

const body = struct({ contents: listOf(content, 1) }, {
  cachedContent: filled,
  generationConfig,
  labels: object,
  safetySettings: listOf(object),
  serviceTier: string(),
  systemInstruction: struct({ parts: listOf(part, 1) }, { role: string() }),
  toolConfig: struct({}, {
    functionCallingConfig: struct({ mode: oneOf("AUTO", "ANY", "NONE", "VALIDATED") }, {
      allowedFunctionNames: listOf(filled, 1),
      streamFunctionCallArguments: boolean
    }),
    includeServerSideToolInvocations: boolean,
    retrievalConfig: object
  }),
  tools: listOf(tool, 1)
})

const parts = (content: any): ReadonlyArray<any> => list(content?.parts)

const held = (content: any, kind: string): ReadonlyArray<any> => parts(content).flatMap((one) => one?.[kind] ?? [])

/** Turns, calls and responses. */
const history = (request: Json, facts: Facts, say: Say) => {
  const contents = list(request["contents"])
  if (contents[0]?.role !== "user") say("contents[0].role", "the first content has to be the user's")
  // "Please ensure that single turn requests end with a user role"; Gemini 3 refuses a model's turn at the end
  if (contents.at(-1)?.role !== "user") say("contents", "the last content has to be the user's")
  contents.forEach((each, index) => {
    const at = `contents[${index}]`
    const before = contents[index - 1]
    // "function call turn comes immediately after a user turn or after a function response turn"
    if (before !== undefined && before.role === each?.role) say(`${at}.role`, "the roles have to alternate")
    const calls = held(each, "functionCall")
    const responses = held(each, "functionResponse")
    if (calls.length > 0 && each.role !== "model") say(at, "only the model calls")
    if (responses.length > 0 && each.role !== "user") say(at, "only the user answers calls")
    if (each?.role === "user" && parts(each).some((one) => one?.thought === true)) say(at, "only the model thinks")
    if (calls.length > 0) answers(calls, held(contents[index + 1], "functionResponse"), `contents[${index + 1}]`, say)
    // "function response turn comes immediately after a function call turn"
    else if (held(contents[index + 1], "functionResponse").length > 0) say(`contents[${index + 1}]`, "answers no call")
  })
  if (held(contents[0], "functionResponse").length > 0) say("contents[0]", "answers no call")
  if (facts.is3) signatures(contents, say)
}

/** "the number of function response parts is equal to the number of function call parts of the function call turn" */
const answers = (calls: ReadonlyArray<any>, responses: ReadonlyArray<any>, at: string, say: Say) => {
  if (calls.length !== responses.length) say(at, `has to answer ${calls.length} calls, not ${responses.length}`)
  calls.forEach((call, index) => {
    const response = responses[index]
    if (response !== undefined && response.name !== call.name) {
      say(at, `answer ${index} is of ${response.name}, not of ${call.name}`)
    }
    if (response !== undefined && response.id !== call.id) say(at, `answer ${index} has another id than its call`)
  })
}

/**
 * "Function call `f` in the `1.` content block is missing a `thought_signature`": in the turn under way, which begins at
 * the last content that is not only responses, the first call of every step needs one ("Thought signatures").
 */
const signatures = (contents: ReadonlyArray<any>, say: Say) => {
  const begins = contents.findLastIndex((each) =>
    each?.role === "user" && parts(each).some((one) => one?.functionResponse === undefined)
  )
  contents.forEach((each, index) => {
    if (index < begins) return
    const first = parts(each).find((one) => one?.functionCall !== undefined)
    if (first !== undefined && first.thoughtSignature === undefined) {
      say(`contents[${index}]`, `the call of ${first.functionCall.name} has no thoughtSignature`)
    }
  })
}

const tools = (request: Json, facts: Facts, say: Say) => {
  const all = list(request["tools"])
  const declared = all.flatMap((each) => list(each?.functionDeclarations)).map((each) => each?.name)
  if (new Set(declared).size < declared.length) say("tools", "two functions have one name")
  // "Tool use with function calling is unsupported"
  if (!facts.is3 && declared.length > 0 && all.some((each) => builtIn.some((key) => each?.[key] !== undefined))) {
    say("tools", "functions and built-in tools do not go together before Gemini 3")
  }
  const config: any = isObject(request["toolConfig"]) ? request["toolConfig"]["functionCallingConfig"] : undefined
  if (config === undefined) return
  // "Function calling config is set without function_declarations."
  if (declared.length === 0) say("toolConfig.functionCallingConfig", "needs functions")
  const allowed = list(config.allowedFunctionNames)
  // "Allowed function names can only be set when the mode is ANY"
  if (allowed.length > 0 && config.mode !== "ANY" && config.mode !== "VALIDATED") {
    say("toolConfig.functionCallingConfig.allowedFunctionNames", `not with mode ${config.mode}`)
  }
  for (const name of allowed) {
    if (!declared.includes(name)) {
      say("toolConfig.functionCallingConfig.allowedFunctionNames", `names no function: ${name}`)
    }
  }
}

const output = (request: Json, facts: Facts, say: Say) => {
  const config: any = request["generationConfig"] ?? {}
  const isJson = config.responseMimeType === "application/json"
  if (config.responseJsonSchema !== undefined) {
    JsonSchemas.gemini(config.responseJsonSchema, "generationConfig.responseJsonSchema", say)
    if (config.responseSchema !== undefined) say("generationConfig.responseSchema", "not beside responseJsonSchema")
    if (!isJson) say("generationConfig.responseMimeType", "has to be application/json where there is a schema")
  }
  // "Function calling with a response mime type: 'application/json' is unsupported"
  if (isJson && !facts.is3 && request["tools"] !== undefined) {
    say("generationConfig.responseMimeType", "no JSON beside tools before Gemini 3")
  }
}

const thinks = (request: Json, facts: Facts, model: string, say: Say) => {
  const thinking: any = isObject(request["generationConfig"])
    ? request["generationConfig"]["thinkingConfig"]
    : undefined
  if (thinking === undefined) return
  const { thinkingBudget: budget, thinkingLevel: level } = thinking
  if (!facts.is3 && facts.budget === undefined) say("generationConfig.thinkingConfig", `${model} does not think`)
  // "You can only set one of thinking budget and thinking level."
  if (budget !== undefined && level !== undefined) {
    say("generationConfig.thinkingConfig", "a budget or a level, not both")
  }
  // "Thinking level is not supported for this model."
  if (level !== undefined && !facts.levels.includes(level)) {
    say("generationConfig.thinkingConfig.thinkingLevel", `${model} takes ${facts.levels.join(", ") || "budgets"}`)
  }
  if (budget === undefined || budget === -1) return
  if (facts.is3) say("generationConfig.thinkingConfig.thinkingBudget", `${model} takes levels`)
  else if (facts.budget !== undefined) {
    const [min, max, canBeOff] = facts.budget
    // "The thinking budget 64 is invalid. Please choose a value between 128 and 32768."
    if (!(budget === 0 && canBeOff) && (budget < min || budget > max)) {
      say("generationConfig.thinkingConfig.thinkingBudget", `${model} takes ${min} to ${max}`)
    }
  }
}

/** What the Gemini API would refuse in a request. */
export const violations = (request: unknown, model: string): ReadonlyArray<string> =>
  collect((say) => {
    body(request, "body", say)
    if (!isObject(request)) return
    const facts = factsOf(model)
    history(request, facts, say)
    tools(request, facts, say)
    output(request, facts, say)
    thinks(request, facts, model, say)
  })
