// The same in a module that imports nothing of fluxion itself.
import { assistant, flow, getWeather } from "./declared.js"

export const answer = assistant("hi")
export const stream = assistant.stream("hi")
export const prompt = assistant.prompt("hi")
export const watch = assistant.watch("hi")
export const call = getWeather({ city: "x" })
export const copy = getWeather.with({ timeout: 5 })
export const other = assistant.with({ instructions: "j", tools: [getWeather], approval: true })
export const started = flow.start({ topic: "x" })
export const result = flow.execute({ topic: "x" })
export const layer = flow.layer
export const events = flow.stream({ topic: "x" })
