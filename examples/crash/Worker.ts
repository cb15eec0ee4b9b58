/**
 * A process that asks the desk as an execution: `Worker.ts <folder> <question> <milliseconds that the bank takes>`.
 *
 * It says "begun" when it has its database, and at last the answer. Whoever kills it starts another one like it: that one
 * finds the execution, and goes on with it. What it calls is written to the ledger of the folder.
 */
import { Effect, Layer, Logger, Schema, Stream } from "effect"
import { LanguageModel } from "effect/ai"
import { Agent, Driver, Engine } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { createHash } from "node:crypto"
import { writeSync } from "node:fs"
import * as DemoModel from "../DemoModel.ts"
import { Answer, Bank, desk } from "../Desk.ts"
import * as Ledger from "../Ledger.ts"
import { Notes } from "../Notes.ts"
import * as Files from "./Files.ts"

const [folder, question, bankTakes] = process.argv.slice(2) as [string, string, string]
const { database, ledger, notes } = Files.of(folder)

const demo = DemoModel.make()
const model = Layer.effect(
  LanguageModel.LanguageModel,
  Driver.toLanguageModel({
    ...demo,
    stream: (request) =>
      Stream.suspend(() => {
        const asked = createHash("sha256").update(JSON.stringify(request.prompt.content)).digest("hex")
        Ledger.append(ledger, "model", asked)
        return demo.stream(request)
      })
  })
)

const flow = Agent.toWorkflow(desk)

const program = Effect.gen(function*() {
  writeSync(1, "begun\n")
  const answer = yield* flow.execute({ instruction: question }, { id: Files.execution })
  writeSync(1, `${JSON.stringify(yield* Schema.encodeEffect(Answer)(answer))}\n`)
})

await Effect.runPromise(program.pipe(
  Effect.provide(
    flow.layer.pipe(
      Layer.provide([model, Bank.layer(ledger, Number(bankTakes)), Notes.layer(notes)]),
      Layer.provideMerge(Engine.layerJournal),
      Layer.provide(Sqlite.layer({ filename: database }))
    )
  ),
  Effect.provide(Logger.layer([Logger.withConsoleError(Logger.formatSimple)]))
))
