// Asks for models of providers whose packages are not installed, and prints what goes wrong.
import { Effect } from "effect"
import { agent } from "fluxion"
import { Providers } from "fluxion/providers"

for (const model of ["openai/gpt-5", "anthropic/claude-sonnet-4-5", "google/gemini-2.5-flash", "ollama/llama3.2"]) {
  const error = await Effect.runPromise(
    agent("You are a helpful assistant.", { model })("Hello").pipe(Effect.provide(Providers.layer), Effect.flip)
  )
  const { reason } = error
  console.log(JSON.stringify({ reason: reason._tag, problem: reason.problem, message: error.message }))
}
