/**
 * The types of a Fluxion: what can run on it, and what that gives. Checked by the compiler, never run.
 */
import { expectTypeOf } from "@effect/vitest"
import { Context, Effect as BarrelEffect, Layer, Schema as BarrelSchema } from "effect"
import type { LanguageModel } from "effect/ai"
import express from "express"
import { Agent, agent, type AgentEvent, Effect, type Models, Schema, Task } from "fluxion"
import { Fluxion } from "fluxion/node"
import { OpenAi } from "fluxion/openai"
import { TestModel } from "fluxion/testing"
import { Sse } from "fluxion/web"
import { createServer } from "node:http"
import { createServer as createServer2 } from "node:http2"

class Weather extends Context.Service<Weather, { readonly sky: string }>()("test/Weather") {}
class Clock extends Context.Service<Clock, { readonly now: string }>()("test/Clock") {}

const weather = Layer.succeed(Weather, { sky: "blue" })
const getWeather = Task.make("get_weather", { payload: {}, run: () => Effect.map(Weather, ({ sky }) => sky) })

const plain = agent("You help.")
const named = agent("You help.", { model: "ollama/llama3.2" })
const withTool = agent("You help.", { model: "ollama/llama3.2", tools: [getWeather] })
const typed = agent("You help.", { model: "a/b", output: Schema.Struct({ at: Schema.Date, n: Schema.Finite }) })

// the names of `fluxion` are Effect's own
expectTypeOf<typeof Effect.succeed>().toEqualTypeOf<typeof BarrelEffect.succeed>()
expectTypeOf<typeof Schema.String>().toEqualTypeOf<typeof BarrelSchema.String>()

// an agent that names its model runs on any, one that names none needs `model`
const bare = Fluxion.make()
expectTypeOf(bare).toEqualTypeOf<Fluxion.Fluxion<Models.Models>>()
expectTypeOf(bare.run(named("x"))).toEqualTypeOf<Promise<string>>()
// @ts-expect-error no model was given
bare.run(plain("x"))
// @ts-expect-error no model was given
bare.stream(plain.stream("x"))
// @ts-expect-error no model was given
bare.response(plain.stream("x"))
Fluxion.make({ model: "openai/gpt-5" }).run(plain("x"))
Fluxion.make({ model: OpenAi.model("gpt-5") }).run(plain("x"))
Fluxion.make({ model: TestModel.layer([]) }).run(plain("x"))
Fluxion.make({ layer: TestModel.layer([]) }).run(Effect.all([plain("x"), TestModel.requests]))
// @ts-expect-error it may not be there
Fluxion.make({ model: process.env["MODEL"] }).run(plain("x"))
Fluxion.make({ model: process.env["MODEL"] }).run(named("x"))
Fluxion.make({ providers: { ollama: { host: "gpu-box" } } }).run(named("x"))
// @ts-expect-error there is no such provider
Fluxion.make({ providers: { olama: {} } })

// the services of tools are required through `layer`
// @ts-expect-error Weather is missing
bare.run(withTool("x"))
const fluxion = Fluxion.make({ layer: weather })
expectTypeOf(fluxion).toEqualTypeOf<Fluxion.Fluxion<Models.Models | Weather>>()
fluxion.run(withTool("x"))
fluxion.run(getWeather({}))
// what `layer` may need itself: the models
Fluxion.make({ model: "a/b", layer: Layer.effect(Weather, Effect.map(plain("The sky?"), (sky) => ({ sky }))) })
// @ts-expect-error no model was given
Fluxion.make({ layer: Layer.effect(Weather, Effect.map(plain("The sky?"), (sky) => ({ sky }))) })
// @ts-expect-error Clock is missing
Fluxion.make({ layer: Layer.effect(Weather, Effect.map(Clock, ({ now }) => ({ sky: now }))) })

// what comes back
expectTypeOf(bare.run(typed("x"))).resolves.toEqualTypeOf<{ readonly at: Date; readonly n: number }>()
expectTypeOf(bare.run(typed.result("x"))).resolves.toHaveProperty("usage")
expectTypeOf(bare.stream(typed.stream("x"))).toEqualTypeOf<
  AsyncIterable<AgentEvent.AgentEvent<{ readonly at: Date; readonly n: number }>>
>()
expectTypeOf(bare.stream(Agent.text(named.stream("x")))).toEqualTypeOf<AsyncIterable<string>>()
expectTypeOf(bare.response(typed.stream("x"), { as: "ui" })).toEqualTypeOf<Promise<Response>>()
bare.response(named.stream("x"), { as: Sse.make({ whole: true }), heartbeat: "5 seconds", status: 201 })
// @ts-expect-error there is no such encoding
bare.response(named.stream("x"), { as: "xml" })
// @ts-expect-error a text is no event
bare.response(Agent.text(named.stream("x")))
// different runs in one list
for (const run of [named("x"), Effect.fail(new Error("no")), Effect.succeed(1)]) {
  expectTypeOf(bare.run(run)).toEqualTypeOf<Promise<string | number>>()
}
// @ts-expect-error it has to be called
bare.run(named)
// @ts-expect-error a stream is for `stream`
bare.run(named.stream("x"))

// every response of Node
createServer((_, response) => void bare.pipe(named.stream("x"), response, { as: "text" }))
createServer2((_, response) => void bare.pipe(named.stream("x"), response))
express().get("/", (_, response) => bare.pipe(named.stream("x"), response))
// @ts-expect-error a web Response is no response of Node
bare.pipe(named.stream("x"), new Response())

// the Layer, for Effects
expectTypeOf(Fluxion.layer()).toEqualTypeOf<Layer.Layer<Models.Models>>()
expectTypeOf(Fluxion.layer({ model: "a/b", layer: weather })).toEqualTypeOf<
  Layer.Layer<Models.Models | LanguageModel.LanguageModel | Weather>
>()
expectTypeOf(Fluxion.layer({ layer: Layer.effect(Weather, Effect.fail("no" as const)) })).toEqualTypeOf<
  Layer.Layer<Models.Models | Weather, "no">
>()

export const disposed = async () => {
  await using fluxion = Fluxion.make()
  return await fluxion.run(named("x"))
}
