/**
 * A process that is killed in the middle of a step, and a new one that goes on: what was done is not done again.
 *
 *   npm run example 16
 *
 * This file runs itself as the process. `npm start` shows the same with an agent, `docs/exactly-once.md` says why.
 */
import { Layer } from "effect"
import { Effect, Engine, Schema, Task, Workflow } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { fork } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const step = (name: string, milliseconds = 0) =>
  Task.make(name, {
    payload: { order: Schema.String },
    success: Schema.String,
    run: ({ order }, { idempotencyKey }) => {
      process.send?.(`${name}, ${idempotencyKey.split(":")[0]}`) // a shop would hand the key on
      return Effect.as(Effect.sleep(milliseconds), `${name} ${order}`)
    }
  })
const reserve = step("reserve")
const pay = step("pay", 1000)
const ship = step("ship")

const sell = Workflow.make("sell", {
  payload: { order: Schema.String },
  success: Schema.Array(Schema.String),
  run: (order) => Effect.all([reserve(order), pay(order), ship(order)])
})

const worker = (filename: string) =>
  Effect.runPromise(
    sell.execute({ order: "A-17" }, { id: "order-17" }).pipe(Effect.provide(
      sell.layer.pipe(Layer.provideMerge(Engine.layerJournal), Layer.provide(Sqlite.layer({ filename })))
    ))
  )

const main = async () => {
  const folder = mkdtempSync(join(tmpdir(), "fluxion-"))
  for (const name of ["first", "second"]) {
    const child = fork(import.meta.filename, [join(folder, "fluxion.db")])
    child.on("message", (said) => {
      console.log(`${name}: ${said}`)
      if (name === "first" && String(said).startsWith("pay")) child.kill("SIGKILL") // the money may be gone, or not
    })
    const [[code, signal]] = await Promise.all([once(child, "exit"), once(child, "disconnect")])
    console.log(`${name}: ended by ${signal ?? `code ${code}`}`)
  }
  rmSync(folder, { recursive: true })
}

if (process.argv[2] === undefined) await main()
else process.send?.(`result ${(await worker(process.argv[2])).join(", ")}`)
