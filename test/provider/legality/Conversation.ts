/**
 * Runs of all kinds, one after another in one conversation, each by any model: what real histories are made of. The
 * requests of every run are kept as they arrived, and so is what each run added to the history.
 */
import { Effect, Exit, Option, Schema, type Scope } from "effect"
import { Prompt } from "effect/ai"
import { Agent, type AgentError, Task, type WorkingMemory } from "fluxion"
import type { Received, Reply } from "../support/VendorServer.ts"
import * as VendorServer from "../support/VendorServer.ts"
import { families, type Family, idOf } from "./Families.ts"
import { type Answer, models, ofRequest, type WireApi, wireApis } from "./WireApis.ts"

/** A tool whose calls succeed. */
export const getWeather = Task.make("get_weather", {
  description: "The weather of a city.",
  payload: { city: Schema.String },
  success: Schema.String,
  risk: "read",
  run: ({ city }) => Effect.succeed(`Sunny in ${city}`)
})

/** A tool whose calls fail. */
export const getTime = Task.make("get_time", {
  payload: { city: Schema.String, zone: Schema.optionalKey(Schema.String) },
  success: Schema.String,
  error: Schema.String,
  run: ({ city }) => Effect.fail(`no clock in ${city}`)
})

/** Calls of both. */
export const calls: NonNullable<Answer["calls"]> = [["get_weather", { city: "Tokyo" }], ["get_time", { city: "Oslo" }]]

const Forecast = Schema.Struct({ city: Schema.String, high: Schema.Finite })

/** What a run does. */
export type Kind = "text" | "image" | "tools" | "typed" | "hosted" | "cut off"

/** All kinds. */
export const kinds: ReadonlyArray<Kind> = ["text", "image", "tools", "typed", "hosted", "cut off"]

/** Whether a model can do it. */
export const can = (family: Family, kind: Kind): boolean => {
  switch (kind) {
    case "image":
      return family.sees
    case "tools":
    case "cut off":
      return family.tools
    case "typed":
      return family.tools || family.schema !== "never"
    case "hosted":
      return family.tools && apiOf(family).hosted !== undefined
    case "text":
      return true
  }
}

/** The wire API that a model is reached by. */
export const apiOf = (family: Family): WireApi => wireApis.find(({ name }) => families[name]!.includes(family))!

/** What the models say in a run of a kind, request by request. */
const scripts: { readonly [kind in Exclude<Kind, "hosted">]: ReadonlyArray<Answer | "wrong" | "right" | Reply> } = {
  text: [{ text: "Hello. " }],
  image: [{ text: "A cat." }],
  tools: [
    {
      text: "Let me look.\n",
      calls: [
        ...calls,
        // a name that no tool can have, and arguments that are no JSON
        ["default_api.get weather", { city: "Rome" }],
        ["get_weather", `{"city": "Zür`]
      ]
    },
    { calls: [["get_weather", { city: "Rome" }]] },
    { text: "Sunny." }
  ],
  typed: ["wrong", "right"],
  "cut off": [{ calls: [["get_weather", { city: "Tokyo" }]] }, { status: 400, body: `{"error":{"message":"no"}}` }]
}

const isReply = (step: Answer | Reply): step is Reply => "status" in step

/** A run of a kind, by a model: its requests, and the history after it. */
export interface Run {
  readonly requests: ReadonlyArray<Received>
  readonly messages: ReadonlyArray<Prompt.Message>
  readonly error: AgentError.AgentError | undefined
}

/** How a run is made. */
export interface RunOptions {
  readonly history?: ReadonlyArray<Prompt.Message>
  /** The model that is asked from the second turn on. */
  readonly switchTo?: Family | undefined
  readonly memory?: WorkingMemory.WorkingMemory | undefined
}

/** Whether a request is for a summary of what was said before. */
export const isSummary = (request: Pick<Received, "text">): boolean => request.text.includes("You sum up the beginning")

/** Runs an agent. */
export const run = (
  family: Family,
  kind: Kind,
  { history = [], memory, switchTo }: RunOptions = {}
): Effect.Effect<Run, never, Scope.Scope> =>
  Effect.gen(function*() {
    const begins = history.length
    let summaries = 0
    const server = yield* VendorServer.make((request, all): Reply => {
      const index = all - summaries
      const now = index === 0 || switchTo === undefined ? family : switchTo
      const api = ofRequest(request)
      // turns of a conversation differ, and so do their ids
      const turn = begins * 10 + index
      if (isSummary(request)) {
        summaries++
        return api.reply({ text: "They spoke of the weather." }, true, turn, family)
      }
      if (kind === "hosted") return api.hosted!.reply(true, turn)
      const script = scripts[kind]
      const step = script[Math.min(index, script.length - 1)]!
      if (typeof step === "object" && isReply(step)) return step
      const reasoning = now.reasons ? "Hm." : undefined
      if (typeof step === "object") return api.reply({ ...step, reasoning }, true, turn, now)
      const answer = { city: "Tokyo", high: step === "right" ? 22 : "warm" }
      const byTool = api.read(request).tools.includes("final_answer")
      return api.reply(
        byTool ? { reasoning, calls: [["final_answer", answer]] } : { reasoning, text: JSON.stringify(answer) },
        true,
        turn,
        now
      )
    })
    const usesTools = kind !== "hosted" && kind !== "typed" && family.tools &&
      (switchTo === undefined || switchTo.tools)
    const agent = Agent.make("a", {
      instructions: "You tell the weather.",
      model: idOf(family),
      tools: kind === "hosted" ? [apiOf(family).hosted!.tool as never] : usesTools ? [getWeather, getTime] : [],
      output: (kind === "typed" ? Forecast : Schema.String) as Schema.Codec<unknown>,
      maxTokens: 3000,
      reasoning: "low",
      modelRetry: { times: 0 },
      memory,
      beforeTurn: ({ turn }) =>
        Effect.succeed(turn > 1 && switchTo !== undefined ? { model: idOf(switchTo) } : undefined)
    })
    const image = Prompt.filePart({ mediaType: "image/png", data: Uint8Array.of(137, 80, 78, 71) })
    const exit = yield* Effect.exit(Effect.provide(
      agent.result(kind === "image" ? ["What is this?", image] : "Tokyo?", { history: Prompt.fromMessages(history) }),
      models(server.url)
    ))
    const error = Option.getOrUndefined(Exit.findErrorOption(exit))
    const messages = Exit.isSuccess(exit) ? exit.value.messages : error?.messages ?? []
    return { requests: server.requests, messages, error }
  })
