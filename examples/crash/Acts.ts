/**
 * The second and the third act of `npm start`: what the first one showed, in a process that is killed and one that goes on.
 */
import { Console, Effect } from "effect"
import * as Account from "./Account.ts"
import * as Death from "./Death.ts"

/** Milliseconds that the bank takes: long enough to be killed meanwhile; and no longer than it has to. */
const slow = 5_000
const quick = 100

/** Characters of the table's first column. */
const width = 42

/** What the first act came to. */
export interface First {
  readonly answer: string
  /** Model calls and tool calls. */
  readonly steps: number
}

export const secondAndThird = Effect.fnUntraced(function*(first: First) {
  yield* Console.log("\n2. The same as an execution: a process of its own, with its journal in SQLite\n")
  const death = yield* Death.kill(Death.atTheBank, { bankTakes: slow })
  if (death === undefined) return yield* Effect.die(new Error("the process was at its end before it could be killed"))
  const done = Account.completed(death.journal).length
  yield* Console.log(`killed (${death.signal}) in step ${done + 1} of ${first.steps}, while the bank was at work`)

  yield* Console.log("\n3. A new process goes on with it\n")
  const { account, answer } = yield* Death.goOn(death, { bankTakes: quick })
  yield* Console.log(`${"step".padEnd(width)}answered by`)
  for (const [index, { by, name, payload }] of account.steps.entries()) {
    const what = `${index + 1}  ${name} ${JSON.stringify(payload)}`
    yield* Console.log(`${what.padEnd(width)}${by}`)
  }
  const { models, refunds } = account
  const isSame = answer === first.answer
  yield* Console.log(
    `\nmodel calls: ${models.made}, repeated: ${models.repeated}; answer ${isSame ? "identical" : "different"}`
  )
  yield* Console.log(
    `refunds: asked for ${refunds.made} times, with ${refunds.paid} idempotency keys, so the bank paid ${refunds.paid} times`
  )
  if (!isSame || models.repeated + refunds.repeated > 0) process.exitCode = 1
}, Effect.scoped)
