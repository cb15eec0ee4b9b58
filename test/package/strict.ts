// What a user of strict TypeScript writes: inference, the error channel and the requirements, from an installed tarball.
import { Effect, Schema } from "effect"
import type { LanguageModel } from "effect/ai"
import { Agent, Task } from "fluxion"
import type { AgentError } from "fluxion"
import { Cassette, TestModel } from "fluxion/testing"

class NoSuchCity extends Schema.TaggedError<NoSuchCity>()("NoSuchCity", { city: Schema.String }) {}

const getWeather = Task.make("get_weather", {
  payload: { city: Schema.String },
  success: Schema.Struct({ degrees: Schema.Finite }),
  error: NoSuchCity,
  run: ({ city }) => city === "Tokyo" ? Effect.succeed({ degrees: 22 }) : Effect.fail(new NoSuchCity({ city }))
})

const assistant = Agent.make("assistant", { instructions: "Be brief.", tools: [getWeather] })

const answer: Effect.Effect<string, AgentError.AgentError, LanguageModel.LanguageModel> = assistant("Tokyo?")

// @ts-expect-error a model is missing: forgetting a Layer does not compile
void Effect.runPromise(answer)

void Effect.runPromise(Effect.provide(answer, TestModel.layer([TestModel.text("22 °C")])))

const replayed: Effect.Effect<string, AgentError.AgentError | Cassette.CassetteError> = Effect.provide(
  answer,
  Cassette.layer("cassettes/tokyo.json", { mode: "replay", model: TestModel.layer([]) })
)
void Effect.runPromise(replayed)
