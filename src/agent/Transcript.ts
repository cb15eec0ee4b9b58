/**
 * A run as a person reads it: a pure fold from events to pieces of text.
 *
 * ```
 * → get_weather {"city":"Tokyo"}          a tool called, with its arguments
 * ← get_weather "Sunny, 22 °C"            what it returned (✗ when it failed)
 *
 * It is sunny in Tokyo.                   the model's text, as it comes
 *
 * 2 turns, 1 tool call, 20 tokens in, 10 out, ollama/llama3.2
 * ```
 * Everything but text is one line, so that a log of it can be read and searched. An agent inside another one is
 * indented. Whatever a model or a tool says is shown without control characters: nobody's output may steer a terminal.
 */
import type { AgentEvent, RunResult } from "../core/AgentEvent.ts"

/** What a piece of text is; a terminal shows it by a colour. */
export type Style = "text" | "quiet" | "call" | "result" | "failure" | "notice"

/** Some text to append. */
export interface Piece {
  readonly style: Style
  readonly text: string
}

/** What the fold has to remember. */
export interface Transcript {
  /** Whether the next character begins a line. */
  readonly lineStart: boolean
  /** What was written last. */
  readonly last: "nothing" | "line" | "text"
  /** The text that is being written: whose, of which turn, and whether it is reasoning. */
  readonly block: string | undefined
  /** The text of the outermost agent since its last tool call or rejected answer, or what is shown of its typed answer. */
  readonly said: string
  /** What closes the typed answer that is shown so far, as JSON. */
  readonly rest: string
  /** The calls that have no result yet, by id, as they are called here. */
  readonly calls: ReadonlyMap<string, string>
}

/** Nothing was written. */
export const initial: Transcript = {
  lineStart: true,
  last: "nothing",
  block: undefined,
  said: "",
  rest: "",
  calls: new Map()
}

/** The longest arguments, result or message that is shown whole, in characters. */
const maxShown = 400

/** What an event adds. */
export const next = (transcript: Transcript, event: AgentEvent): readonly [Transcript, ReadonlyArray<Piece>] => {
  const page = new Page(transcript, depthOf(event.path))
  write(page, event)
  return [page.transcript, page.pieces]
}

/** Ends an open line: for a run that ends in the middle of one. */
export const end = (transcript: Transcript): ReadonlyArray<Piece> =>
  transcript.lineStart ? [] : [{ style: "text", text: "\n" }]

const codes: { readonly [style in Style]: string } = {
  text: "",
  quiet: "\u001b[2m",
  call: "\u001b[36m",
  result: "\u001b[32m",
  failure: "\u001b[31m",
  notice: "\u001b[33m"
}

/** The pieces as one text, with the colours of a terminal or without. */
export const toText = (pieces: ReadonlyArray<Piece>, options: { readonly colors: boolean }): string =>
  pieces.map(({ style, text }) => options.colors && codes[style] !== "" ? `${codes[style]}${text}\u001b[0m` : text)
    .join("")

const write = (page: Page, event: AgentEvent): void => {
  switch (event._tag) {
    case "TextDelta":
      if (page.depth === 0) page.say(page.said + event.delta)
      return page.append("text", `text ${event.turn} ${event.path}`, labelOf(event.path), event.delta)
    case "ReasoningDelta":
      return page.append(
        "quiet",
        `reasoning ${event.turn} ${event.path}`,
        `${labelOf(event.path)}thinking: `,
        event.delta
      )
    case "ToolCalled": {
      page.forget()
      const label = page.open(callKey(event), event.name)
      return page.line("call", `→ ${label} ${show(event.arguments)}`)
    }
    case "ToolProgress":
      return page.line("quiet", `… ${page.calls.get(callKey(event)) ?? event.name} ${show(event.value)}`)
    case "ToolReturned":
      return page.line("result", `← ${page.close(callKey(event), event.name)} ${show(event.result)}`)
    case "ToolFailed":
      return page.line("failure", `✗ ${page.close(callKey(event), event.name)}: ${oneLine(event.message)}`)
    case "SkillActivated":
      return page.line("notice", `skill ${event.skill} is used`)
    case "OutputRejected":
      page.forget()
      return page.line("notice", `! the answer does not fit: ${oneLine(event.issues.join("; "))}`)
    case "ModelRetried":
      return page.line(
        "notice",
        `! ${oneLine(event.message.split("\n")[0]!)}; asking ${event.model} again in ${
          (event.delay / 1000).toFixed(1)
        } s`
      )
    case "ModelFellBack":
      return page.line("notice", `! ${oneLine(event.message)}; going on with ${event.to} instead of ${event.from}`)
    case "RunRetried":
      page.forget()
      return page.line("notice", `! ${oneLine(event.message)}; the run begins anew, attempt ${event.attempt}`)
    case "Paused":
      return page.line("notice", `! waiting at ${event.name} ${show(event.output)}`)
    case "Gap":
      if (event.missed > 0) page.line("notice", `! ${count(event.missed, "event")} missed; the text so far:`)
      if (page.depth === 0) page.say(event.text)
      return page.append("text", `text ${event.turn} ${event.path}`, labelOf(event.path), event.text)
    case "RunCompleted":
      return page.depth === 0 ? conclude(page, event.result) : undefined
    case "RunFailed":
      return page.line("failure", `✗ ${oneLine(event.message)}`)
    case "OutputPartial":
      return page.depth === 0 ? showPartial(page, event.turn, JSON.stringify(event.value, null, 2)) : undefined
    case "RunStarted":
    case "TurnStarted":
    case "ToolInputDelta":
    case "ResponseReceived":
      return
  }
}

/** Shows what came to a typed answer. What only closes it (a quote, brackets, spaces) is held back: more may come before. */
const showPartial = (page: Page, turn: number, json: string): void => {
  const rest = /["\s\]}]*$/.exec(json)![0]
  const shown = json.slice(0, json.length - rest.length)
  page.append("text", `output ${turn}`, "", shown.startsWith(page.said) ? shown.slice(page.said.length) : shown)
  page.say(shown, rest)
}

const conclude = (page: Page, result: RunResult<unknown>): void => {
  const output = typeof result.output === "string" ? result.output : JSON.stringify(result.output, null, 2) ?? ""
  if (page.rest !== "" && output.startsWith(page.said)) page.go(output.slice(page.said.length))
  else if (output !== page.said) {
    page.forget()
    page.append("text", "output", "", output)
  }
  if (result.finish === "tool-limit") page.line("notice", "! the limit on tool calls ended the run")
  if (result.finish === "stopped") page.line("notice", "! a stop rule ended the run")
  for (const warning of result.warnings) page.line("notice", `! ${oneLine(warning.message)}`)
  page.gap()
  page.line("quiet", summary(result))
}

const summary = ({ model, toolCalls, turns, usage }: RunResult<unknown>): string =>
  [
    count(turns, "turn"),
    count(toolCalls, "tool call"),
    `${tokens(usage.inputTokens.total)} in`,
    `${tokens(usage.outputTokens.total, "")} out`,
    oneLine(model)
  ].join(", ")

const tokens = (total: number | undefined, unit = " tokens") =>
  total === undefined ? `unknown${unit}` : `${total.toLocaleString("en-US")}${unit}`

const count = (number: number, noun: string) => `${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}`

/** 0 for the outermost agent: names hold no `/`. */
const depthOf = (path: string): number => path.split("/").length - 1

const labelOf = (path: string): string => depthOf(path) === 0 ? "" : `${path.slice(path.lastIndexOf("/") + 1)}: `

const callKey = (event: { readonly path: string; readonly turn: number; readonly id: string }) =>
  `${event.path} ${event.turn} ${event.id}`

// C0 without tab and newline, DEL, C1: what steers a terminal
// oxlint-disable-next-line no-control-regex
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

const clean = (text: string): string => text.replace(control, "")

const oneLine = (text: string): string => cut(clean(text.replace(/\s*[\r\n]+\s*/g, " ")))

const show = (value: unknown): string => {
  if (value === undefined) return ""
  return cut(clean(JSON.stringify(value) ?? String(value)))
}

const cut = (text: string): string =>
  text.length <= maxShown ? text : `${text.slice(0, maxShown)}… (${text.length.toLocaleString("en-US")} characters)`

/** Writes for an agent at some depth, and keeps lines, blocks and blank lines apart. */
class Page {
  readonly pieces: Array<Piece> = []
  readonly depth: number
  said: string
  rest: string
  calls: ReadonlyMap<string, string>
  #lineStart: boolean
  #last: Transcript["last"]
  #block: string | undefined

  constructor({ block, calls, last, lineStart, rest, said }: Transcript, depth: number) {
    this.depth = depth
    this.said = said
    this.rest = rest
    this.calls = calls
    this.#lineStart = lineStart
    this.#last = last
    this.#block = block
  }

  get transcript(): Transcript {
    const { calls, rest, said } = this
    return { lineStart: this.#lineStart, last: this.#last, block: this.#block, said, rest, calls }
  }

  /** Keeps what is shown of an answer. */
  say(said: string, rest = ""): void {
    this.said = said
    this.rest = rest
  }

  /** Goes on with the text of the last block. */
  go(text: string): void {
    this.#push("text", clean(text))
  }

  /** What was shown of an answer is none any more. */
  forget(): void {
    if (this.depth > 0) return
    if (this.rest !== "" && this.#last === "text") this.go(this.rest)
    this.say("")
  }

  /** Adds to the text of a block, which begins with `label` if it was not the one being written. */
  append(style: Style, block: string, label: string, text: string): void {
    const indent = "  ".repeat(this.depth)
    let shown = clean(text).replaceAll("\n", `\n${indent}`)
    if (shown === "") return
    if (this.#block !== block) {
      this.#endLine()
      if (this.depth === 0 && this.#last !== "nothing") this.#push("text", "\n")
      this.#block = block
      shown = `${indent}${label}${shown}`
    }
    this.#push(style, shown)
    this.#last = "text"
  }

  /** Adds a line. */
  line(style: Style, text: string): void {
    if (this.#last === "text" && this.depth === 0) this.gap()
    this.#endLine()
    this.#push(style, `${"  ".repeat(this.depth)}${text}`)
    this.#push("text", "\n")
    this.#last = "line"
    this.#block = undefined
  }

  /** Leaves a blank line. */
  gap(): void {
    this.#endLine()
    if (this.#last !== "nothing") this.#push("text", "\n")
    this.#last = "nothing"
  }

  /** Names a call: a second one of a name, while the first has no result, is `name #2`. */
  open(key: string, name: string): string {
    const taken = new Set(this.calls.values())
    let label = name
    for (let number = 2; taken.has(label); number++) label = `${name} #${number}`
    this.calls = new Map([...this.calls, [key, label]])
    return label
  }

  /** The name of a call that is over. */
  close(key: string, name: string): string {
    const label = this.calls.get(key)
    if (label === undefined) return name
    const calls = new Map(this.calls)
    calls.delete(key)
    this.calls = calls
    return label
  }

  #endLine(): void {
    if (!this.#lineStart) this.#push("text", "\n")
  }

  #push(style: Style, text: string): void {
    this.pieces.push({ style, text })
    this.#lineStart = text.endsWith("\n")
  }
}
