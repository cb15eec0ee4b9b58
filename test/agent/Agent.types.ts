/**
 * The types of agents: what a run gives, how it fails, and what it still needs. Checked by the compiler, never run.
 */
import { expectTypeOf } from "@effect/vitest"
import { Context, Effect, type FileSystem, Layer, Schema, SchemaGetter, type Scope, type Stream } from "effect"
import { LanguageModel, Tool, Toolkit } from "effect/ai"
import {
  Agent,
  agent,
  type AgentError,
  type AgentEvent,
  LongTermMemory,
  type MemoryStore,
  Models,
  Skill,
  SkillCatalog,
  Task,
  Toolbox,
  type Watch
} from "fluxion"
import { TestModel } from "fluxion/testing"

class Weather extends Context.Service<Weather, { readonly at: (city: string) => Effect.Effect<string> }>()(
  "test/Weather"
) {}
class Clock extends Context.Service<Clock, { readonly now: Effect.Effect<string> }>()("test/Clock") {}

const getWeather = Task.make("get_weather", {
  payload: { city: Schema.String },
  success: Schema.String,
  run: ({ city }) => Weather.use((weather) => weather.at(city))
})
const pure = Task.make("pure", { payload: {}, success: Schema.Finite, run: () => 1 })
const search = Tool.make("search", { parameters: Schema.Struct({ q: Schema.String }), success: Schema.String })
const kit = Toolkit.make(search)

type Model = LanguageModel.LanguageModel
type Needs<T> = T extends Effect.Effect<any, any, infer R> ? R : never

// what a run gives and needs
const plain = Agent.make("plain", { instructions: "i" })
expectTypeOf(plain).toExtend<Agent.Agent<"plain", string, Model>>()
expectTypeOf(plain("hi")).toEqualTypeOf<Effect.Effect<string, AgentError.AgentError, Model>>()
expectTypeOf(plain.run("hi")).toEqualTypeOf<Effect.Effect<string, AgentError.AgentError, Model>>()
expectTypeOf(plain.result("hi")).toEqualTypeOf<
  Effect.Effect<AgentEvent.RunResult<string>, AgentError.AgentError, Model>
>()
expectTypeOf(plain.stream("hi")).toEqualTypeOf<
  Stream.Stream<AgentEvent.AgentEvent<string>, AgentError.AgentError, Model>
>()
expectTypeOf(plain.watch("hi")).toEqualTypeOf<Effect.Effect<Watch.Watch<string>, never, Model | Scope.Scope>>()
// @ts-expect-error an agent is asked something
plain()
// @ts-expect-error a run has no such option
plain("hi", { conext: "x" })
// @ts-expect-error instructions are required
Agent.make("a", { tools: [] })

// a model by name needs Models instead
expectTypeOf(plain.prompt("hi")).toEqualTypeOf<Effect.Effect<Agent.AgentPrompt, AgentError.AgentError, Model>>()
const named = Agent.make("named", { instructions: "i", model: "openai/gpt-5" })
expectTypeOf<Needs<ReturnType<typeof named>>>().toEqualTypeOf<Models.Models>()
expectTypeOf<Needs<ReturnType<ReturnType<typeof short>>>>().toEqualTypeOf<Models.Models | Weather>()
const short = () => agent("You help.", { model: "ollama/llama3.2", tools: [getWeather] })

// and so does a fallback, which is a model like any other
const several = Models.fallback(["openai/gpt-5", "ollama/llama3.2"])
expectTypeOf<Needs<ReturnType<ReturnType<typeof fallen>>>>().toEqualTypeOf<Models.Models>()
const fallen = () => Agent.make("fallen", { instructions: "i", model: several })
expectTypeOf<Needs<ReturnType<ReturnType<typeof shortFallen>>>>().toEqualTypeOf<Models.Models>()
const shortFallen = () => agent("You help.", { model: several })
expectTypeOf<Needs<ReturnType<ReturnType<typeof withFallback>>>>().toEqualTypeOf<Models.Models>()
const withFallback = () => plain.with({ model: several })
expectTypeOf<Needs<ReturnType<ReturnType<typeof changing>>>>().toEqualTypeOf<Model>()
const changing = () =>
  Agent.make("changing", { instructions: "i", beforeTurn: () => Effect.succeed({ model: several }) })
// @ts-expect-error a list is no model
Agent.make("a", { instructions: "i", model: ["openai/gpt-5", "ollama/llama3.2"] })
// @ts-expect-error a fallback names its models
Models.fallback([several])
// @ts-expect-error a fallback has no such option
Models.fallback(["openai/gpt-5"], { times: 3 })

// the services of every kind of tool, of instructions, beforeTurn, fallback and rollback
const one = <Tool extends Toolbox.ToolInput>(tools: ReadonlyArray<Tool>) =>
  Agent.make("a", { instructions: "i", tools })("hi")
expectTypeOf(one([getWeather, pure])).toEqualTypeOf<Effect.Effect<string, AgentError.AgentError, Model | Weather>>()
expectTypeOf(one([kit])).toEqualTypeOf<Effect.Effect<string, AgentError.AgentError, Model | Tool.Handler<"search">>>()
expectTypeOf(one([search])).toEqualTypeOf<
  Effect.Effect<string, AgentError.AgentError, Model | Tool.Handler<"search">>
>()
const bound = Toolbox.make(kit, { search: ({ q }) => Weather.use((weather) => weather.at(q)) })
expectTypeOf(one([bound])).toEqualTypeOf<Effect.Effect<string, AgentError.AgentError, Model | Weather>>()
// @ts-expect-error a handler is missing
Toolbox.make(kit, {})
// @ts-expect-error a handler of a wrong result
Toolbox.make(kit, { search: () => Effect.succeed(1) })
const fetchTool = Tool.make("fetch", { parameters: Schema.Struct({ url: Schema.String }), success: Schema.String })
// @ts-expect-error a handler of no tool
Toolbox.make(kit, { search: ({ q }) => Effect.succeed(q), serch: () => Effect.succeed("x") })
const others = { search: ({ q }: { readonly q: string }) => Effect.succeed(q), serch: () => Effect.succeed("x") }
// @ts-expect-error nor by a variable
Toolbox.make(kit, others)
expectTypeOf(Toolbox.make(Toolkit.make(search, fetchTool), {
  search: ({ q }) => Weather.use((weather) => weather.at(q)),
  fetch: ({ url }) => Clock.use((clock) => Effect.map(clock.now, (now) => now + url))
})).toEqualTypeOf<Toolbox.Toolbox<Weather | Clock>>()
// @ts-expect-error no tool
one(["search"])
const full = Agent.make("full", {
  instructions: Clock.use((clock) => clock.now),
  tools: [
    Agent.make("inner", { instructions: "i", tools: [getWeather], model: "openai/gpt-5" }),
    Task.make("here", { payload: {}, success: Schema.String, run: () => "here" }),
    Toolbox.make(kit, { search: ({ q }) => Effect.succeed(q) })
  ],
  beforeTurn: ({ steps, turn }) => Clock.use(() => Effect.succeed(turn > steps.length ? { tools: [] } : undefined)),
  fallback: ({ instruction }, error) => Weather.use((weather) => weather.at(instruction + error.reason._tag)),
  rollback: (payload, exit) => Effect.log(payload.instruction, exit._tag),
  retry: { times: 2, while: (error) => error.isRetryable },
  modelRetry: { times: 2, while: (error) => error.reason._tag === "RateLimitError" }
})
expectTypeOf<Needs<ReturnType<typeof full>>>().toEqualTypeOf<Model | Models.Models | Clock | Weather>()
Agent.make("a", {
  instructions: "i",
  // @ts-expect-error a fallback answers with text
  fallback: () => Effect.succeed(1)
})

// forgetting a Layer is a compile error, giving it is not
export const program: Effect.Effect<string, AgentError.AgentError> = one([getWeather]).pipe(
  Effect.provide([TestModel.layer([]), Layer.succeed(Weather, { at: Effect.succeed })])
)
// @ts-expect-error Weather is missing
export const noWeather: Effect.Effect<string, AgentError.AgentError> = one([getWeather]).pipe(
  Effect.provide(TestModel.layer([]))
)
// @ts-expect-error the model is missing
export const noModel: Effect.Effect<string, AgentError.AgentError> = one([getWeather]).pipe(
  Effect.provide(Layer.succeed(Weather, { at: Effect.succeed }))
)
// @ts-expect-error the handlers are missing
export const noHandlers: Effect.Effect<string, AgentError.AgentError> = one([kit]).pipe(
  Effect.provide(TestModel.layer([]))
)

// with(…) adds what the new options need
expectTypeOf<Needs<ReturnType<ReturnType<typeof withTools>>>>().toEqualTypeOf<Model | Weather>()
const withTools = () => plain.with({ tools: [getWeather], temperature: 1 })

// what is named anew is needed no more
const usual = Agent.make("usual", { instructions: "i", model: "openai/gpt-5", tools: [getWeather, inner()] })
function inner() {
  return Agent.make("inner", { instructions: Clock.use((clock) => clock.now) })
}
expectTypeOf<Needs<ReturnType<typeof usual>>>().toEqualTypeOf<Models.Models | Weather | Model | Clock>()
expectTypeOf(usual.with({ tools: [pure] })("hi")).toEqualTypeOf<
  Effect.Effect<string, AgentError.AgentError, Models.Models>
>()
expectTypeOf(usual.with({ tools: [] })("hi")).toEqualTypeOf<
  Effect.Effect<string, AgentError.AgentError, Models.Models>
>()
expectTypeOf(plain.with({ model: "openai/gpt-5" })("hi")).toEqualTypeOf<
  Effect.Effect<string, AgentError.AgentError, Models.Models>
>()
expectTypeOf(usual.with({ model: undefined, tools: [] })("hi")).toEqualTypeOf<
  Effect.Effect<string, AgentError.AgentError, Model>
>()
expectTypeOf(usual.with({ temperature: 1 }).with({ maxTokens: 9 })).toEqualTypeOf<typeof usual>()
declare const maybe: { readonly model?: "openai/gpt-5"; readonly tools?: ReadonlyArray<typeof getWeather> }
expectTypeOf<Needs<ReturnType<ReturnType<typeof sometimes>>>>().toExtend<Model | Models.Models | Weather>()
expectTypeOf<Model | Models.Models | Weather>().toExtend<Needs<ReturnType<ReturnType<typeof sometimes>>>>()
const sometimes = () => plain.with({ ...maybe })
// of an agent that is known by its whole only, nothing goes
const given = (agent: Agent.Agent<string, string, Model | Weather>) => agent.with({ tools: [], model: "openai/gpt-5" })
expectTypeOf<Needs<ReturnType<ReturnType<typeof given>>>>().toEqualTypeOf<Models.Models | Model | Weather>()
given(Agent.make("a", { instructions: "i", tools: [getWeather] }))
// @ts-expect-error with(…) has no such option
plain.with({ temprature: 1 })
// @ts-expect-error what an agent answers stays
plain.with({ output: Schema.Finite })
plain.with({
  // @ts-expect-error a fallback answers with text
  fallback: () => 1
})
usual.with({
  instructions: Weather.use((weather) => weather.at("x")),
  beforeTurn: ({ turn }) => Effect.succeed({ instructions: turn.toFixed() }),
  check: (output) => output === "" ? Effect.fail("say more") : Effect.void,
  approval: ({ instruction }) => instruction === "",
  rollback: ({ instruction }, exit) => Effect.log(instruction, exit._tag)
})

// a fallback that cannot fail answers every failure, and an approval comes before it
const total = Agent.make("total", {
  instructions: "i",
  fallback: ({ instruction }, error) => instruction + error.message
})
expectTypeOf(total("hi")).toEqualTypeOf<Effect.Effect<string, never, Model>>()
expectTypeOf(total.stream("hi")).toEqualTypeOf<Stream.Stream<AgentEvent.AgentEvent<string>, never, Model>>()
expectTypeOf(plain.with({ fallback: () => Effect.succeed("x") })("hi")).toEqualTypeOf<
  Effect.Effect<string, never, Model>
>()
expectTypeOf(plain.with({ fallback: async () => "x" })("hi")).toEqualTypeOf<
  Effect.Effect<string, AgentError.AgentError, Model>
>()
expectTypeOf(total.with({ approval: true })("hi")).toEqualTypeOf<
  Effect.Effect<string, AgentError.AgentError, Model>
>()
const asks = Agent.make("asks", { instructions: "i", approval: ({ instruction }) => instruction.length > 3 })
expectTypeOf(asks.with({ fallback: () => "x" })("hi")).toEqualTypeOf<
  Effect.Effect<string, AgentError.AgentError, Model>
>()
expectTypeOf(asks.with({ approval: false, fallback: () => "x" })("hi")).toEqualTypeOf<
  Effect.Effect<string, never, Model>
>()

// what decodes and encodes the answer may need services
const Coded = Schema.String.pipe(Schema.decodeTo(Schema.String, {
  decode: SchemaGetter.transformEffect((text: string) => Weather.use((weather) => weather.at(text))),
  encode: SchemaGetter.transformEffect((text: string) => Clock.use(() => Effect.succeed(text)))
}))
expectTypeOf(Agent.make("a", { instructions: "i", output: Coded })("hi")).toEqualTypeOf<
  Effect.Effect<string, AgentError.AgentError, Model | Weather | Clock>
>()

// skills made in code need nothing, folders are read, a catalog of the context is asked for
const note = Skill.make("note", { description: "d", instructions: "i" })
expectTypeOf(Agent.make("a", { instructions: "i", skills: [note] })("hi")).toEqualTypeOf<
  Effect.Effect<string, AgentError.AgentError, Model>
>()
const reads = Agent.make("a", { instructions: "i", skills: Skill.directory("skills") })
expectTypeOf<Needs<ReturnType<typeof reads>>>().toEqualTypeOf<Model | FileSystem.FileSystem>()
expectTypeOf<Needs<ReturnType<ReturnType<typeof reads.with<{ skills: [typeof note] }>>>>>().toExtend<
  Model | FileSystem.FileSystem
>()
const mixed = Agent.make("a", {
  instructions: "i",
  skills: SkillCatalog.make([note, Skill.directory("skills"), SkillCatalog.service])
})
expectTypeOf<Needs<ReturnType<typeof mixed>>>().toEqualTypeOf<
  Model | FileSystem.FileSystem | SkillCatalog.SkillCatalog
>()
const remembers = Agent.make("a", {
  instructions: "i",
  skills: Skill.directory("skills"),
  longTermMemory: LongTermMemory.make({ scope: "s" })
})
expectTypeOf<Needs<ReturnType<typeof remembers>>>().toEqualTypeOf<
  Model | FileSystem.FileSystem | MemoryStore.MemoryStore
>()
