/**
 * P13 across machines: one of two is killed, frozen and woken again, or cut off from the network, within tool calls. The
 * other one goes on with what it had within 10 seconds; every execution ends once, and nothing that was recorded is done again.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { Cluster } from "fluxion/cluster"
import { Postgres } from "fluxion/postgres"
import type { ChildProcess } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import * as Machines from "../cluster/Machines.ts"
import * as Network from "../support/Network.ts"
import * as PostgresServer from "../support/PostgresServer.ts"

const folder = mkdtempSync(join(tmpdir(), "fluxion-machines-"))
const machines = new Set<ChildProcess>()
let server: Awaited<ReturnType<typeof PostgresServer.start>>
let network: Network.Network | undefined
let databases = 0

beforeAll(async () => {
  server = await PostgresServer.start()
  network = await Network.make(server.port)
}, 60_000)
afterAll(async () => {
  for (const machine of machines) machine.kill("SIGKILL")
  network?.remove()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

const ids = Array.from({ length: 12 }, (_, index) => `e${index}`)

/**
 * Two machines and a client; all executions are within a tool when something is done to the first one. Then the other one
 * has to go on with them, and when all have ended, the first one is brought back.
 */
const lose = (how: {
  readonly first?: (setting: Machines.Setting) => Promise<ChildProcess>
  readonly strike: (first: ChildProcess) => void
  readonly bringBack: ((first: ChildProcess) => void) | undefined
}) =>
  Effect.gen(function*() {
    const name = `machines_${databases++}`
    const url = yield* Effect.promise(() => server.database(name))
    const did = join(folder, `${name}.did`)
    const setting = { url, did }
    const [first, second] = yield* Effect.promise(() =>
      Promise.all([(how.first ?? Machines.boot)(setting), Machines.boot(setting)])
    )
    machines.add(first).add(second)
    const program = Machines.make(setting)
    yield* Effect.gen(function*() {
      yield* Machines.spread(program, did, "spread", [first, second])
      // longer than a take-over takes: what was cut off is begun by the other one, and ends there
      const begun = yield* Machines.inTool(program, did, ids, 4_000)
      const cutOff = begun.filter(({ pid }) => pid === first.pid).map(({ execution }) => execution)
      assert.isAbove(cutOff.length, 0, "the first machine had none")
      assert.isBelow(cutOff.length, ids.length, "the second machine had none")
      const at = Date.now()
      how.strike(first)
      for (const id of ids) {
        assert.strictEqual(yield* program.flow.result(id), "done by version 1")
      }
      const taken = Machines.lines(did).filter(({ execution, pid, task, what }) =>
        pid === second.pid && what === "begin" && task === "tool" && cutOff.includes(execution)
      )
      assert.sameMembers(taken.map(({ execution }) => execution), cutOff)
      for (const line of taken) assert.isAtMost(line.at - at, 10_000, `${line.execution} was taken up late`)
      assert.deepStrictEqual(yield* Machines.faults(did, ids), [])

      if (how.bringBack === undefined) return
      how.bringBack(first)
      // it goes on where it was: within tools of executions that have ended
      yield* Machines.spread(program, did, "back", [first, second])
      yield* Effect.sleep(1_000)
      assert.deepStrictEqual(yield* Machines.faults(did, ids), [])
    }).pipe(
      Effect.provide(Cluster.layer({ database: Postgres.layer({ url: Redacted.make(url) }), isRunner: false })),
      Effect.ensuring(Effect.sync(() => {
        for (const machine of [first, second]) machine.kill("SIGKILL")
      }))
    )
  })

// each mostly waits for what the others do not touch
describe.concurrent("P13: across machines, a machine that is lost within tool calls", () => {
  it.live(
    "is killed: the other one goes on with what it had, and nothing recorded is done again",
    () => lose({ strike: (first) => first.kill("SIGKILL"), bringBack: undefined }),
    60_000
  )

  it.live(
    "is frozen: the other one goes on, and when it wakes it writes no more of what it had",
    () => lose({ strike: (first) => first.kill("SIGSTOP"), bringBack: (first) => first.kill("SIGCONT") }),
    60_000
  )

  it.live(
    "is cut off from the network: the other one goes on, and when it is back it writes no more of what it had",
    (context) =>
      Effect.suspend(() => {
        if (network === undefined) return Effect.sync(() => context.skip("this machine allows no network namespaces"))
        const { cut, host, mend, port } = network
        const reached = (setting: Machines.Setting) => {
          const url = new URL(setting.url)
          url.hostname = host
          url.port = String(port)
          return Machines.boot({ ...setting, url: url.href }, network)
        }
        return lose({ first: reached, strike: cut, bringBack: mend })
      }),
    90_000
  )
})
