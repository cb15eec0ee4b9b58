/**
 * PostgreSQL, on one machine and on many: the workflow stays as it is, the Layer of the engine is another one.
 *
 *   npm run example 17                       DATABASE_URL=postgres://… for a server of your own
 */
import { Layer, ManagedRuntime, Redacted, References } from "effect"
import { Effect, Engine, Execution, Pause, Schema, Task, Workflow } from "fluxion"
import { Cluster } from "fluxion/cluster"
import { Postgres } from "fluxion/postgres"
import * as DemoDatabase from "./DemoDatabase.ts"

const approve = Pause.make("approve", { output: Schema.String, input: Schema.Boolean })
const quote = Task.make("quote", {
  payload: { item: Schema.String },
  success: Schema.String,
  run: ({ item }) => `${item} for 12`
})
const order = Workflow.make("order", {
  payload: { item: Schema.String },
  success: Schema.String,
  run: ({ item }) =>
    Effect.gen(function*() {
      const offer = yield* quote({ item })
      return (yield* approve(offer)) ? `bought ${offer}` : "bought nothing"
    })
})

const server = await DemoDatabase.open()
const database = Postgres.layer({ url: Redacted.make(server.url) })

// one machine: as many processes as you like on one database
const one = ManagedRuntime.make(Layer.provideMerge(order.layer, Layer.provide(Engine.layerJournal, database)))
const id = await one.runPromise(order.start({ item: "tea" }))
const { info } = await one.runPromise(Execution.settled(id))
console.log("one machine:", info.state)
await one.dispose()

// the last machine that ends warns that none is left
const quiet = Layer.provide(Layer.succeed(References.MinimumLogLevel, "Error"))

// many machines: each does this; one that is frozen or cut off for 6 seconds loses what it has to the others
const machine = () => ManagedRuntime.make(Layer.provideMerge(order.layer, Cluster.layer({ database })).pipe(quiet))
const [first, second] = [machine(), machine()]
await Promise.all([first, second].map((runtime) => runtime.context()))

// a web server, say, that starts, watches and answers executions, and runs none
const client = ManagedRuntime.make(Cluster.layer({ database, isRunner: false }).pipe(quiet))
await client.runPromise(approve.resume(id, true)) // what began on one machine goes on here
console.log("many machines:", await client.runPromise(order.result(id)))

const more = await client.runPromise(order.start({ item: "milk" }))
await client.runPromise(Execution.settled(more))
await first.dispose() // whichever of them had it
await client.runPromise(approve.resume(more, false))
console.log("one of them less:", await client.runPromise(order.result(more)))

for (const runtime of [client, second]) await runtime.dispose()
await server.close()
