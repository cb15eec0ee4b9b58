/**
 * The conversation that every contender has: the same texts, the same tool, the same number of deltas.
 *
 * A scripted model decides by the last message alone what to say next, so that it costs the same at any length of
 * history and for any number of runs at once.
 */

/** What one run is, and how the contender is asked for it. */
export interface Scenario {
  /** Turns that call the tool before the answer. Absent: the contender has no tool at all. */
  readonly toolTurns?: number
  /** Deltas in which the answer is streamed to the reader. Absent: the reader waits for the whole answer. */
  readonly deltas?: number
  /** Messages said before the question. */
  readonly history?: number
  /** Address of a local server that speaks OpenAI's Responses API. Absent: the model is in memory. */
  readonly url?: string
  /** Tracing: nobody asked for it (absent), it is turned off in Effect, or a tracer takes the spans and drops them. */
  readonly tracing?: "off" | "on"
  /** Runs at the same time: nobody is answered before all of them have asked. */
  readonly concurrent?: number
}

export const INSTRUCTIONS = "You are a helpful assistant with access to real-time data."
export const QUESTION = "What is the weather in Tokyo? Answer in one sentence."
export const TOOL = "get_weather"
export const TOOL_DESCRIPTION = "Current weather for a city."
export const CITY = "Tokyo"
export const MODEL = "gpt-5-mini"
export const ARGUMENTS = JSON.stringify({ city: CITY })
const WHOLE = "It is sunny in Tokyo, with 22 degrees and a light wind from the sea."

/** What the tool gives. */
export const weatherIn = (city: string) => `Sunny, 22 degrees in ${city}`

/** The id of the tool call of a turn, counted from 0. */
export const callId = (turn: number) => `call_${turn}`

/** Which turn comes after the tool call with this id. */
export const turnAfter = (id: string | undefined) => id === undefined ? 0 : Number(id.slice(5)) + 1

/** Whether a turn calls the tool; otherwise it answers. */
export const callsTool = (scenario: Scenario, turn: number) => turn < (scenario.toolTurns ?? 0)

/** The pieces of the answer, as a model streams them. */
export const deltas = (scenario: Scenario): ReadonlyArray<string> =>
  scenario.deltas === undefined ? [WHOLE] : Array.from({ length: scenario.deltas }, (_, index) => ` word${index % 10}`)

/** The whole answer: what a run must end with. */
export const answer = (scenario: Scenario) => deltas(scenario).join("")

/** Tokens that the model reports. */
export const USAGE = { input: 57, output: 17 }

/** What was said before: question and answer by turns. */
export const history = (scenario: Scenario): ReadonlyArray<{ readonly role: "user" | "assistant"; text: string }> =>
  Array.from({ length: scenario.history ?? 0 }, (_, index) => ({
    role: index % 2 === 0 ? "user" : "assistant",
    text: `${index % 2 === 0 ? "Question" : "Answer"} number ${index}: what was said about the weather at that time.`
  }))

/** Opens when as many callers wait as there are runs, and then closes again: all runs are in flight at once. */
export const makeGate = (runs: number) => {
  let waiting: Array<() => void> = []
  return () =>
    new Promise<void>((resolve) => {
      waiting.push(resolve)
      if (waiting.length < runs) return
      const all = waiting
      waiting = []
      setImmediate(() => all.forEach((open) => open()))
    })
}
