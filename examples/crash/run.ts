/**
 * `npm run demo:crash -- --kill 20`: that many executions of the desk, each in a process that is killed at a random
 * moment between its begin and its end, and in a second one that goes on.
 *
 * Everything it prints is counted, from the journals and from what the model and the bank wrote. It ends with code 1 if
 * anything that was recorded was done again, the bank paid an order twice, or an answer was another one.
 */
import { Clock, Console, Effect, Random } from "effect"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import * as Main from "../Main.ts"
import type { Calls } from "./Account.ts"
import * as Account from "./Account.ts"
import * as Death from "./Death.ts"
import * as Processes from "./Processes.ts"

const usage = "npm run demo:crash -- [--kill 20]"

const bankTakes = 200

const uninterrupted = Effect.scoped(Effect.gen(function*() {
  const process = yield* Processes.start(yield* Processes.folder, { bankTakes })
  yield* process.begun
  const begun = yield* Clock.currentTimeMillis
  const { answer } = yield* process.ended
  return { answer, millis: (yield* Clock.currentTimeMillis) - begun }
}))

/** Kills one execution at a random moment, another one if it had ended before, and goes on with it. */
const die = (millis: number) =>
  Effect.scoped(Effect.gen(function*() {
    const moment = Math.floor((yield* Random.next) * millis)
    const death = yield* Death.kill(() => Effect.sleep(moment), { bankTakes })
    if (death === undefined) return undefined
    return { ...(yield* Death.goOn(death, { bankTakes })), moment, done: Account.completed(death.journal).length }
  })).pipe(
    Effect.repeat({ until: (outcome) => outcome !== undefined }),
    Effect.map((outcome) => outcome!)
  )

const add = (left: Calls, right: Calls): Calls => ({
  made: left.made + right.made,
  cutOff: left.cutOff + right.cutOff,
  repeated: left.repeated + right.repeated
})

const main = Effect.fnUntraced(function*(kills: number) {
  const { answer, millis } = yield* uninterrupted
  yield* Console.log(`an execution that nobody kills takes ${millis} ms here\n`)
  const outcomes = yield* Effect.forEach(
    Array.from({ length: kills }),
    () =>
      Effect.tap(die(millis), ({ account, answer: got, done, moment }) =>
        Console.log([
          `killed after ${String(moment).padStart(4)} ms, ${done} of ${account.steps.length} steps recorded`,
          `model calls: ${account.models.made} (${account.models.cutOff} cut off), repeated: ${account.models.repeated}`,
          `answer ${got === answer ? "identical" : "different"}`
        ].join("; "))),
    { concurrency: availableParallelism() }
  )
  const none: Calls = { made: 0, cutOff: 0, repeated: 0 }
  const models = outcomes.map(({ account }) => account.models).reduce(add, none)
  const refunds = outcomes.map(({ account }) => account.refunds).reduce(add, none)
  const due = outcomes.length * 2
  const paid = outcomes.reduce((sum, { account }) => sum + account.refunds.paid, 0)
  const same = outcomes.filter((outcome) => outcome.answer === answer).length
  yield* Console.log(`
${kills} kills
model calls: ${models.made}, repeated: ${models.repeated}; cut off by the kill and made again: ${models.cutOff}
refunds: asked for ${refunds.made} times, repeated: ${refunds.repeated}; cut off by the kill and asked for again: ${refunds.cutOff}
the bank paid ${paid} times, for ${due} orders
answers identical: ${same} of ${kills}`)
  if (models.repeated + refunds.repeated > 0 || paid !== due || same !== kills) process.exitCode = 1
})

const readKills = (): number => {
  try {
    const { values } = parseArgs({ options: { kill: { type: "string", default: "20" } } })
    const kills = Number(values.kill)
    if (!Number.isInteger(kills) || kills < 1) throw new Error(`--kill is a number of kills, 1 or more: ${values.kill}`)
    return kills
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message.split(". ")[0] : error}; use: ${usage}`)
    process.exit(2)
  }
}

await Main.run(main(readKills()))
