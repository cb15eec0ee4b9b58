/**
 * A machine of a cluster: runs the workflow of `test/cluster/Machines.ts` until it is killed, or asked to end by SIGTERM. `machine.ts <setting as JSON>`.
 */
import { Effect, Fiber, Layer, Logger, Redacted, References } from "effect"
import { Cluster } from "fluxion/cluster"
import { Postgres } from "fluxion/postgres"
import * as Machines from "../cluster/Machines.ts"

const setting: Machines.Setting = JSON.parse(process.argv[2]!)

const layer = Machines.make(setting).layer.pipe(
  Layer.provideMerge(Cluster.layer({
    database: Postgres.layer({ url: Redacted.make(setting.url) }),
    lease: setting.lease ?? 6_000
  })),
  Layer.orDie,
  Layer.provide(Layer.succeed(References.MinimumLogLevel, process.env["MACHINE_LOGS"] === "1" ? "Debug" : "Fatal")),
  Layer.provide(Logger.layer([Logger.consolePretty()]))
)

const fiber = Effect.runFork(
  Effect.andThen(Effect.sync(() => process.send!("ready")), Effect.never).pipe(Effect.provide(layer))
)
process.on("SIGTERM", () => void Effect.runPromise(Fiber.interrupt(fiber)).then(() => process.exit(0)))
