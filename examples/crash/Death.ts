/**
 * One execution of the desk in two processes: the first one is killed, the second one goes on.
 */
import { Effect } from "effect"
import * as Ledger from "../Ledger.ts"
import * as Account from "./Account.ts"
import * as Files from "./Files.ts"
import * as Processes from "./Processes.ts"

/** The first process, and what it left. */
export interface Death {
  readonly folder: string
  readonly killed: number
  readonly signal: string
  readonly journal: Effect.Success<ReturnType<typeof Processes.journal>>
}

/** Starts a process on a new execution and kills it at a moment; `undefined` if it had come to its end before. */
export const kill = Effect.fnUntraced(function*(
  moment: (folder: string) => Effect.Effect<void>,
  options: { readonly bankTakes: number }
) {
  const folder = yield* Processes.folder
  return yield* Effect.scoped(Effect.gen(function*() {
    const process = yield* Processes.start(folder, options)
    yield* process.begun
    yield* Effect.raceFirst(moment(folder), Effect.ignore(process.ended))
    yield* process.kill
    const { signal } = yield* process.ended
    if (signal === null) return undefined
    const journal = yield* Processes.journal(folder)
    return { folder, killed: process.pid, signal, journal } satisfies Death
  }))
})

/** The moment at which the bank is asked for the first refund, and has not answered yet. */
export const atTheBank = (folder: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    const isAsked = Ledger.read(Files.of(folder).ledger).some(({ what }) => what === "refund")
    return isAsked ? Effect.void : Effect.flatMap(Effect.sleep("2 millis"), () => atTheBank(folder))
  })

/** Starts a second process, which goes on, and gives what came of it. */
export const goOn = Effect.fnUntraced(function*(death: Death, options: { readonly bankTakes: number }) {
  const { answer } = yield* Effect.flatMap(Processes.start(death.folder, options), ({ ended }) => ended)
  const account = Account.of({
    before: death.journal,
    after: yield* Processes.journal(death.folder),
    killed: death.killed,
    ledger: Ledger.read(Files.of(death.folder).ledger)
  })
  return { account, answer }
}, Effect.scoped)
