/**
 * Splits what a model writes into text, reasoning and tool calls, piece by piece as it comes.
 *
 * Current servers do this themselves. Older ones, and models whose template a server does not know, leave it in the
 * text: `<think>…</think>` at the start, calls as `<tool_call>{…}</tool_call>`, as `[TOOL_CALLS] […]`, or as bare JSON in
 * place of an answer. A call counts only if it names a declared tool; whatever turns out to be none is given out as the
 * text it is, in order and complete. Only what may still become a tag or a call is held back.
 */

/** A stretch of a model's output. */
export type Piece =
  | { readonly type: "text" | "reasoning"; readonly text: string }
  | { readonly type: "call"; readonly name: string; readonly params: unknown }

/** Where the reading stands: a value. */
export interface State {
  readonly mode: Mode
  /** What has come and is not given out yet. */
  readonly held: string
}

type Mode =
  /** Before the first word, where tags and bare calls may come. White space `after` something is dropped. */
  | { readonly at: "start"; readonly after: "nothing" | "reasoning" | "call" }
  | { readonly at: "text" }
  /** `open` until the first word, to drop the white space before it. */
  | { readonly at: "reasoning"; readonly close: string; readonly open: boolean }
  /** In front of JSON that may be a call; `held` begins with `marker`. */
  | { readonly at: "call"; readonly marker: string }
  /** In JSON that begins as a call does. */
  | { readonly at: "json"; readonly marker: string; readonly scan: Scan }
  /** After a call in a tag, whose closing tag may come. */
  | { readonly at: "closing" }

/** How far a JSON value was read. */
interface Scan {
  /** All that was read, the marker included. */
  readonly read: string
  /** How many brackets are open. */
  readonly depth: number
  /** In a string, and there after a backslash. */
  readonly quoted: boolean
  readonly escaped: boolean
}

const thinking = ["<think>", "<thinking>"]
const toolCallEnd = "</tool_call>"
const markers = ["<tool_call>", "[TOOL_CALLS]"]

/** Nothing read yet. */
export const initial: State = { mode: { at: "start", after: "nothing" }, held: "" }

/** Nothing read yet, of a model that gives its reasoning apart: a `<think>` in its text is text. */
export const afterReasoning: State = { mode: { at: "start", after: "reasoning" }, held: "" }

/** Reads some more text. `tools` are the names that count as calls. */
export const push = (
  state: State,
  text: string,
  tools: ReadonlySet<string>
): readonly [State, ReadonlyArray<Piece>] => {
  const pieces: Array<Piece> = []
  let last: State = { mode: state.mode, held: state.held + text }
  for (let next: State | undefined = last; next !== undefined; next = step(next, tools, pieces)) last = next
  return [last, pieces]
}

/** What is still held when nothing more comes. White space alone is no answer, and is dropped. */
export const end = ({ held, mode }: State): ReadonlyArray<Piece> => {
  switch (mode.at) {
    case "reasoning": {
      const text = (mode.open ? held.trimStart() : held).trimEnd()
      return text === "" ? [] : [{ type: "reasoning", text }]
    }
    case "closing":
      return []
    case "start": {
      const text = mode.after === "nothing" && held.trim() !== "" ? held : withoutLead(held, mode.after)
      return text === "" ? [] : [{ type: "text", text }]
    }
    default: {
      const text = mode.at === "json" ? mode.scan.read + held : held
      return text === "" ? [] : [{ type: "text", text }]
    }
  }
}

/** Goes one step on, or gives `undefined` when it takes more text to do so. */
const step = (state: State, tools: ReadonlySet<string>, pieces: Array<Piece>): State | undefined => {
  switch (state.mode.at) {
    case "start":
      return stepStart(state.held, state.mode.after, tools)
    case "text":
      return stepText(state.held, tools, pieces)
    case "reasoning":
      return stepReasoning(state.held, state.mode, pieces)
    case "call":
      return stepCall(state.held, state.mode.marker, tools, pieces)
    case "json":
      return stepJson(state.held, state.mode, tools, pieces)
    case "closing": {
      const rest = state.held.trimStart()
      if (rest !== toolCallEnd && toolCallEnd.startsWith(rest)) return undefined
      const held = rest.startsWith(toolCallEnd) ? rest.slice(toolCallEnd.length) : rest
      return { mode: { at: "start", after: "call" }, held }
    }
  }
}

/** Without the white space in front, nor the comma or semicolon that some models write between calls. */
const withoutLead = (held: string, after: "nothing" | "reasoning" | "call") =>
  after === "call" ? held.replace(/^[\s;,]+/, "") : held.trimStart()

const stepStart = (
  held: string,
  after: "nothing" | "reasoning" | "call",
  tools: ReadonlySet<string>
): State | undefined => {
  const rest = withoutLead(held, after)
  if (rest === "") return undefined
  if (after === "nothing") {
    const tag = thinking.find((tag) => rest.startsWith(tag))
    if (tag !== undefined) {
      return { mode: { at: "reasoning", close: `</${tag.slice(1)}`, open: true }, held: rest.slice(tag.length) }
    }
    if (thinking.some((tag) => tag.startsWith(rest))) return undefined
  }
  if (tools.size > 0) {
    const marker = markers.find((marker) => rest.startsWith(marker))
    if (marker !== undefined) return { mode: { at: "call", marker }, held: rest }
    if (markers.some((marker) => marker.startsWith(rest))) return undefined
    if (rest[0] === "{" || rest[0] === "[") {
      const lead = after === "nothing" ? held.slice(0, -rest.length) : ""
      return { mode: { at: "call", marker: lead }, held: lead + rest }
    }
  }
  return { mode: { at: "text" }, held: after === "nothing" ? held : held.trimStart() }
}

const stepText = (held: string, tools: ReadonlySet<string>, pieces: Array<Piece>): State | undefined => {
  if (held === "") return undefined
  let until = held.length
  let marker: string | undefined
  for (const candidate of tools.size > 0 ? markers : []) {
    const found = held.indexOf(candidate)
    const index = found >= 0 ? found : partial(held, candidate)
    if (index < until) {
      until = index
      marker = found >= 0 ? candidate : undefined
    }
  }
  if (until > 0) pieces.push({ type: "text", text: held.slice(0, until) })
  const rest = held.slice(until)
  if (marker !== undefined) return { mode: { at: "call", marker }, held: rest }
  return until > 0 ? { mode: { at: "text" }, held: rest } : undefined
}

const stepReasoning = (
  held: string,
  mode: { readonly close: string; readonly open: boolean },
  pieces: Array<Piece>
): State | undefined => {
  const text = mode.open ? held.trimStart() : held
  const found = text.indexOf(mode.close)
  // white space in front of the closing tag is dropped: it waits for what comes after it
  const until = text.slice(0, found >= 0 ? found : partial(text, mode.close)).trimEnd().length
  if (until > 0) pieces.push({ type: "reasoning", text: text.slice(0, until) })
  if (found >= 0) return { mode: { at: "start", after: "reasoning" }, held: text.slice(found + mode.close.length) }
  return until > 0 ? { mode: { at: "reasoning", close: mode.close, open: false }, held: text.slice(until) } : undefined
}

const stepCall = (
  held: string,
  marker: string,
  tools: ReadonlySet<string>,
  pieces: Array<Piece>
): State | undefined => {
  const body = held.slice(marker.length)
  switch (likelihood(body, markers.includes(marker) ? taggedHeads : bareHeads(tools))) {
    case "maybe":
      return undefined
    case "yes": {
      const at = marker.length + body.search(/\S/)
      const scan = { read: held.slice(0, at), depth: 0, quoted: false, escaped: false }
      return { mode: { at: "json", marker, scan }, held: held.slice(at) }
    }
    case "no":
      if (marker !== "") pieces.push({ type: "text", text: marker })
      return { mode: { at: "text" }, held: body }
  }
}

const stepJson = (
  held: string,
  { marker, scan }: { readonly marker: string; readonly scan: Scan },
  tools: ReadonlySet<string>,
  pieces: Array<Piece>
): State | undefined => {
  if (held === "") return undefined
  const [next, length] = scanJson(held, scan)
  if (next.depth > 0) return { mode: { at: "json", marker, scan: next }, held: "" }
  const rest = held.slice(length)
  const calls = toCalls(next.read.slice(marker.length), tools)
  if (calls === undefined) {
    pieces.push({ type: "text", text: next.read })
    return { mode: { at: "text" }, held: rest }
  }
  pieces.push(...calls)
  return { mode: marker === "<tool_call>" ? { at: "closing" } : { at: "start", after: "call" }, held: rest }
}

/** Where a suffix of `text` begins that is the beginning of `tag`; the text's length if there is none. */
const partial = (text: string, tag: string): number => {
  let index = text.indexOf(tag[0]!, Math.max(0, text.length - tag.length + 1))
  while (index >= 0 && !tag.startsWith(text.slice(index))) index = text.indexOf(tag[0]!, index + 1)
  return index < 0 ? text.length : index
}

/** How the JSON of a call begins, without white space, after a marker. */
const taggedHeads = [`{"`, `[{"`]

/** How the JSON of a call begins, without white space, when nothing else marks it as one. */
const bareHeads = (tools: ReadonlySet<string>): ReadonlyArray<string> =>
  [...tools].flatMap((name) =>
    [`{"name":"`, `{"type":"function","name":"`, `{"function":{"name":"`, `{"type":"function","function":{"name":"`]
      .flatMap((head) => [`${head}${name}"`, `[${head}${name}"`])
  )

const likelihood = (body: string, heads: ReadonlyArray<string>): "yes" | "no" | "maybe" => {
  const compact = body.replace(/\s+/g, "")
  return heads.some((head) => compact.startsWith(head))
    ? "yes"
    : heads.some((head) => head.startsWith(compact))
    ? "maybe"
    : "no"
}

/** Reads on in a JSON object or array, up to where no bracket is open; says how much of the text was read. */
const scanJson = (text: string, from: Scan): readonly [Scan, number] => {
  let { depth, escaped, quoted } = from
  let index = 0
  do {
    const char = text[index++]
    if (escaped) escaped = false
    else if (char === `"`) quoted = !quoted
    else if (quoted) escaped = char === "\\"
    else if (char === "{" || char === "[") depth++
    else if (char === "}" || char === "]") depth--
  } while (index < text.length && depth > 0)
  return [{ read: from.read + text.slice(0, index), depth, quoted, escaped }, index]
}

// A description among these makes it a list of tools, not a list of calls.
const callKeys = new Set(["id", "type", "name", "arguments", "parameters"])

/** The calls that a JSON text is, all of them of declared tools; `undefined` if it is anything else. */
const toCalls = (json: string, tools: ReadonlySet<string>): ReadonlyArray<Piece> | undefined => {
  const value = parse(json)
  const calls: Array<Piece> = []
  for (const item of Array.isArray(value) ? value : [value]) {
    if (!isRecord(item)) return undefined
    const call = isRecord(item.function) ? item.function : item
    const params = call.arguments ?? call.parameters
    if (typeof call.name !== "string" || !tools.has(call.name) || params === undefined) return undefined
    if (!Object.keys(call).every((key) => callKeys.has(key))) return undefined
    calls.push({ type: "call", name: call.name, params: typeof params === "string" ? parse(params) ?? params : params })
  }
  return calls.length > 0 ? calls : undefined
}

const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const parse = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
