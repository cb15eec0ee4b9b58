/**
 * Reads a driver's parts the way a run would, into something that is easy to compare.
 */
import { Context, Effect, Layer, Stream } from "effect"
import { type AiError, LanguageModel, Prompt, type Response } from "effect/ai"
import * as Driver from "../../../src/agent/Driver.ts"

type Part = Response.StreamPartEncoded

/** What a response amounts to. */
export interface Summary {
  readonly text: string
  readonly reasoning: string
  readonly calls: ReadonlyArray<{ readonly id: string; readonly name: string; readonly params: unknown }>
  readonly hosted: ReadonlyArray<string>
  readonly finish: string | undefined
  readonly usage: typeof Response.Usage.Encoded | undefined
  readonly responseId: string | undefined
  readonly model: string | undefined
}

/** Sums a response up; its deltas are joined. */
export const summarize = (parts: ReadonlyArray<Part>): Summary => {
  let text = ""
  let reasoning = ""
  const calls: Array<Summary["calls"][number]> = []
  const hosted: Array<string> = []
  let finish: Extract<Part, { type: "finish" }> | undefined
  let metadata: Extract<Part, { type: "response-metadata" }> | undefined
  for (const part of parts) {
    if (part.type === "text-delta") text += part.delta
    else if (part.type === "reasoning-delta") reasoning += part.delta
    else if (part.type === "tool-call" && part.providerExecuted === true) hosted.push(part.name)
    else if (part.type === "tool-call") calls.push({ id: part.id, name: part.name, params: part.params })
    else if (part.type === "finish") finish = part
    else if (part.type === "response-metadata") metadata = part
  }
  return {
    text,
    reasoning,
    calls,
    hosted,
    finish: finish?.reason,
    usage: finish?.usage,
    responseId: metadata?.id,
    model: metadata?.modelId
  }
}

/** The driver that a Layer of one model has registered. */
export const driverOf = <E>(layer: Layer.Layer<LanguageModel.LanguageModel, E>) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(layer)
    const driver = Driver.of(Context.get(context, LanguageModel.LanguageModel))
    if (driver === undefined) return yield* Effect.die(new Error("no driver is registered"))
    return driver
  })

/** A request with defaults. */
export const request = (
  prompt: Prompt.RawInput,
  options: Partial<Omit<Driver.ModelRequest, "prompt">> = {}
): Driver.ModelRequest => ({
  prompt: Prompt.make(prompt),
  tools: [],
  toolChoice: "auto",
  responseFormat: { type: "text" },
  options: {},
  ...options
})

/** All parts of one call. */
export const parts = (
  driver: Driver.Driver,
  asked: Driver.ModelRequest = request("Hello")
): Effect.Effect<ReadonlyArray<Part>, AiError.AiError> => Stream.runCollect(driver.stream(asked))

/** The order rules that every response keeps: one `finish`, at the end; blocks opened before use, and closed. */
export const violations = (parts: ReadonlyArray<Part>): ReadonlyArray<string> => {
  const found: Array<string> = []
  const open = new Map<string, string>()
  parts.forEach((part, index) => {
    const [kind, event] = [part.type.replace(/-(start|delta|end)$/, ""), /-(start|delta|end)$/.exec(part.type)?.[1]]
    if (event !== undefined && "id" in part && part.id !== undefined) {
      if (event === "start" && open.has(part.id)) found.push(`${part.id} starts twice`)
      if (event !== "start" && open.get(part.id) !== kind) found.push(`${part.type} of ${part.id} without a start`)
      if (event === "start") open.set(part.id, kind)
      if (event === "end") open.delete(part.id)
    }
    if (part.type === "finish" && index !== parts.length - 1) found.push("finish is not the last part")
    if (JSON.stringify(part) !== JSON.stringify(structuredClone(part))) found.push(`${part.type} is no JSON`)
    if (hasUndefined(part)) found.push(`${part.type} holds undefined: ${JSON.stringify(part)}`)
  })
  if (parts.at(-1)?.type !== "finish") found.push("there is no finish")
  for (const id of open.keys()) found.push(`${id} does not end`)
  return found
}

const hasUndefined = (value: unknown): boolean =>
  value === undefined
  || (typeof value === "object" && value !== null && Object.values(value).some(hasUndefined))
