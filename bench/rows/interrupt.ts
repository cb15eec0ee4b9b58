/** From the interrupt of a run whose vendor is silent to both: the vendor's socket closed, the run's finalizers run. */
import { once } from "node:events"
import * as Contest from "../measure/Contest.ts"
import { digits, type Row } from "../measure/Row.ts"
import * as Server from "../measure/Server.ts"

type Contender = Awaited<ReturnType<typeof Contest.open>>

const interrupt = async (contender: Contender, server: Server.Server) => {
  await contender.ask({ _tag: "Hang", url: server.hangUrl })
  const closing = once(server.process, "message")
  const [start, stopped] = await contender.ask({ _tag: "Stop" })
  const [{ closed }]: [{ readonly closed: number }] = await closing as never
  return Math.max(stopped!, closed) - start!
}

export const row: Row = {
  title: "interrupt to closed socket and finalizers run",
  peers: true,
  measure: async ({ rounds }) => {
    const server = await Server.start()
    const contenders = [await Contest.open("fluxion"), await Contest.open("ai-sdk")] as const
    try {
      const ours: Array<number> = []
      const peer: Array<number> = []
      for (let round = 0; round < 2 * rounds; round++) {
        ours.push(await interrupt(contenders[0], server))
        peer.push(await interrupt(contenders[1], server))
      }
      const median = Contest.median(ours)
      return [{
        row: row.title,
        ours: median,
        peer: Contest.median(peer),
        floor: null,
        unit: "ms",
        ratio: median / Contest.median(peer),
        target: "<= 50 ms",
        met: median <= 50,
        notes: [`the slowest of ${ours.length}, the first among them: ${digits(Math.max(...ours))} ms`]
      }]
    } finally {
      for (const contender of contenders) contender.close()
      server.process.kill()
    }
  }
}
