/**
 * The same tool turn and delta through the vendor's SDK, against a local server: both sides ask for a stream and read
 * it to its end. The CPU time is the client's alone; the floor is the vendor's SDK without anything around it.
 */
import * as Contest from "../measure/Contest.ts"
import { against, digits, type Row } from "../measure/Row.ts"
import type { Scenario } from "../measure/Script.ts"
import * as Server from "../measure/Server.ts"

const contenders = ["fluxion", "ai-sdk", "openai-sdk"] as const
const perTurn = ([without, four]: ReadonlyArray<number>) => (four! - without!) / 4
const roles = { ours: "fluxion", peer: "ai-sdk", floor: "openai-sdk" } as const

export const row: Row = {
  title: "through the vendor's SDK over local HTTP, CPU",
  peers: true,
  measure: async (settings) => {
    const server = await Server.start()
    const at = (scenario: Scenario): Scenario => ({ ...scenario, url: server.url(scenario) })
    try {
      const turn = await Contest.measure(
        contenders,
        [at({ toolTurns: 0, deltas: 1 }), at({ toolTurns: 4, deltas: 1 })],
        { ...settings, warm: 2 * settings.warm, sample: 2 * settings.sample }, // much of it is the system's
        perTurn
      )
      const delta = await Contest.measure(
        contenders,
        [at({ deltas: 1 }), at({ deltas: 501 })],
        settings,
        ([one, many]) => (many! - one!) / 500
      )
      const whole = settings.others
        ? await Contest.measure(
          ["fluxion", "ai-sdk"],
          [at({ toolTurns: 0 }), at({ toolTurns: 4 })],
          Contest.quick,
          perTurn
        )
        : undefined
      const result = against("one tool turn through the vendor's SDK over local HTTP, CPU", "µs", 0.6, turn, roles)
      return [
        whole === undefined ? result : {
          ...result,
          notes: [
            `neither side streamed: fluxion ${digits(whole.fluxion)} µs, AI SDK ${digits(whole["ai-sdk"])} µs, ` +
            `${digits(whole.fluxion / whole["ai-sdk"])} x`
          ]
        },
        against("one streamed delta through the vendor's SDK over local HTTP, CPU", "µs", 0.6, delta, roles)
      ]
    } finally {
      server.process.kill()
    }
  }
}
