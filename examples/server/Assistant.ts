/**
 * What the servers beside this file have in common: an assistant, what a request asks, and where they log.
 */
import { Logger } from "effect"
import { Agent, Schema, Task } from "fluxion"

const getWeather = Task.make("get_weather", {
  description: "The weather in a city.",
  payload: { city: Schema.String },
  risk: "read",
  run: ({ city }) => `sunny, 22 °C in ${city}`
})

export const assistant = Agent.make("assistant", {
  instructions: "You tell the weather. Use the tool; never guess.",
  tools: [getWeather]
})

/** What `?question=…&as=text` asks: Server-Sent Events, plain text, or what `useChat` of the AI SDK reads. */
export const read = (url: string): { readonly question: string; readonly as: "sse" | "text" | "ui" } => {
  const { searchParams } = new URL(url, "http://localhost")
  const as = searchParams.get("as")
  return { question: searchParams.get("question") ?? "", as: as === "text" || as === "ui" ? as : "sse" }
}

/** One line for each run that failed or was left; what fluxion logs by itself is only what is wrong. */
export const log = Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])
