/**
 * What the spans of a tool turn cost while nobody has given a tracer: over the same with tracing turned off in Effect.
 * What they cost with a tracer is in the note.
 */
import * as Contest from "../measure/Contest.ts"
import { digits, type Row } from "../measure/Row.ts"

const scenarios = [{ toolTurns: 3 }, { toolTurns: 3, tracing: "off" as const }, {
  toolTurns: 3,
  tracing: "on" as const
}]

export const row: Row = {
  title: "no tracer, a run of 3 tool turns",
  peers: false,
  measure: async (settings) => {
    const { fluxion } = await Contest.measureAll(
      ["fluxion"],
      scenarios,
      settings,
      ([none, off, on]) => [none!, off!, none! / off!, on! / off!]
    )
    const [none, off, ratio, traced] = fluxion as [number, number, number, number]
    return [{
      row: row.title,
      ours: none,
      peer: off,
      floor: null,
      unit: "µs",
      ratio,
      target: "<= 1.05 x tracing turned off",
      met: ratio <= 1.05,
      notes: [`with a tracer: ${digits(traced)} x`]
    }]
  }
}
