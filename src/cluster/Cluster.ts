/**
 * Executions on many machines: the journal engine of each process on one PostgreSQL, and `effect/cluster` to say which of
 * them takes an execution up.
 *
 * Who has an execution is said by the journal and its owners' locks, as on one machine. The cluster's shards are only a
 * preference, so a change of them interrupts nothing, and no execution waits for a shard that nobody has. Processes do
 * not speak to each other: all that one tells another one is in the database.
 */
import * as EntityId from "effect/cluster/EntityId"
import * as MessageStorage from "effect/cluster/MessageStorage"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as RunnerHealth from "effect/cluster/RunnerHealth"
import * as Runners from "effect/cluster/Runners"
import * as Sharding from "effect/cluster/Sharding"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as SqlRunnerStorage from "effect/cluster/SqlRunnerStorage"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { MigrationError } from "effect/sql/Migrator"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { WorkflowEngine } from "effect/workflow/WorkflowEngine"
import { randomUUID } from "node:crypto"
import { hostname } from "node:os"
import * as Engine from "../durable/Engine.ts"
import * as Journal from "../durable/Journal.ts"
import * as Owners from "../durable/Owners.ts"
import * as Placement from "../durable/Placement.ts"

/** How a process takes part. */
export interface Options<E = never, R = never> extends Engine.Options {
  /** The PostgreSQL database that all processes share: `Postgres.layer({ url })`, without a pooler that shares sessions. */
  readonly database: Layer.Layer<SqlClient | Owners.Owners, E, R>
  /** Whether executions run in this process; one that only starts, watches and resumes them has no part in the shards. Default true. */
  readonly isRunner?: boolean | undefined
  /** How many shards it gets, against the other runners. Default 1. */
  readonly weight?: number | undefined
  /**
   * For how long a process may give no sign of life (frozen, cut off) before others take over what it has: longer than
   * its event loop ever stands still. Default 6 seconds, at least 3; others notice within 2 seconds more.
   */
  readonly lease?: Duration.Input | undefined
}

/** For how long an execution is left to the runner that has its shard. */
const leaveFor = Duration.toMillis("750 millis")

const leastLease = Duration.toMillis("3 seconds")

/** Sharding without messages: who runs, and who of them has which shard. */
const sharding = (lease: number, weight: number) =>
  Sharding.layer.pipe(
    Layer.provide(Runners.layerNoop),
    Layer.provide([
      MessageStorage.layerNoop,
      RunnerHealth.layerNoop,
      SqlRunnerStorage.layerWith({ prefix: "fluxion_cluster" })
    ]),
    Layer.provide(ShardingConfig.layer({
      // nobody calls it: it is a name, of this process alone
      runnerAddress: Option.some(RunnerAddress.make(`${hostname()}-${randomUUID()}`, 1)),
      runnerShardWeight: weight,
      // by the database's clock: they end alike for a runner that is killed, frozen or cut off
      shardLockDisableAdvisory: true,
      shardLockExpiration: lease,
      shardLockRefreshInterval: lease / 4,
      refreshAssignmentsInterval: "1 second",
      // there are no messages to poll; it is also how often a runner asks for shards that it has lost
      entityMessagePollInterval: "1 second",
      runnerHealthCheckInterval: "1 hour"
    }))
  )

const shards = Effect.map(Sharding.Sharding, (sharding): Placement.Placement => ({
  isHere: (execution) => sharding.hasShardId(sharding.getShardId(EntityId.make(execution), "default")),
  leaveFor
}))

/** An engine whose executions are placed by the `Sharding` of the context: of a cluster that is there for other things, too. */
export const layerEngine = (
  options?: Engine.Options
): Layer.Layer<Engine.Engine | WorkflowEngine, never, Journal.Journal | Owners.Owners | Sharding.Sharding> =>
  Layer.provide(Engine.layer(options), Layer.effect(Placement.Placement, shards))

/** An engine that runs nothing. */
const layerClient = Layer.provide(
  Engine.layer(),
  Layer.succeed(Placement.Placement, { isHere: () => false, leaveFor: Number.POSITIVE_INFINITY })
)

/** The engine of one process of a cluster. The same code runs on it as on one machine. */
export const layer = <E, R>(
  { database, isRunner = true, lease: given = "6 seconds", weight = 1, ...options }: Options<E, R>
): Layer.Layer<Engine.Engine | WorkflowEngine, E | SqlError | MigrationError, R> => {
  const lease = Math.max(leastLease, Duration.toMillis(Duration.fromInputUnsafe(given)))
  const shared = Layer.provide(Layer.fresh(database), Layer.succeed(Owners.Lease, lease))
  const engine = isRunner ? Layer.provide(layerEngine(options), sharding(lease, weight)) : layerClient
  return engine.pipe(Layer.provide(Journal.layerSql), Layer.provide(shared))
}
