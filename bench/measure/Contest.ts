/**
 * Contenders side by side: each in a process of its own, warmed up, and then sampled in turns, round by round, so that
 * a noisy machine hits all alike. What counts is the median over all rounds of all heats.
 */
import { type ChildProcess, fork } from "node:child_process"
import { join } from "node:path"
import type { Order, Reply } from "./Child.ts"
import type { Name } from "./Contender.ts"
import type { Scenario } from "./Script.ts"
import { Warmth } from "./Warmth.ts"

/** How long a measurement may take. */
export interface Settings {
  readonly rounds: number
  /** How often the processes are started anew: two processes of one program are compiled differently. */
  readonly heats: number
  /** CPU time of one sample, in milliseconds. */
  readonly sample: number
  /** CPU time without getting quicker after which one scenario of one contender is warm, in milliseconds. */
  readonly warm: number
  /** Whether the peers that only inform are measured too. */
  readonly others: boolean
}

export const full: Settings = { rounds: 15, heats: 3, sample: 60, warm: 1000, others: true }
export const quick: Settings = { rounds: 8, heats: 2, sample: 30, warm: 500, others: false }

/** The middle value, or the mean of the middle two. */
export const median = (values: ReadonlyArray<number>) => {
  const sorted = values.toSorted((left, right) => left - right)
  const middle = sorted.length / 2
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle - 1)]!) / 2
}

const byName = <N extends Name, A>(contenders: ReadonlyArray<N>, value: (index: number) => A): Record<N, A> =>
  Object.fromEntries(contenders.map((contender, index) => [contender, value(index)])) as Record<N, A>

/** Gives an order to a child, and waits for its numbers. */
const ask = (child: ChildProcess, order: Order) =>
  new Promise<ReadonlyArray<number>>((resolve, reject) => {
    const done = (end: () => void) => {
      child.off("message", onReply)
      child.off("exit", onExit)
      end()
    }
    const onReply = (reply: Reply) =>
      done(() => reply._tag === "Done" ? resolve(reply.numbers) : reject(new Error(reply.message)))
    const onExit = (code: number | null) => done(() => reject(new Error(`a contender ended with code ${code}`)))
    child.on("message", onReply)
    child.on("exit", onExit)
    child.send(order)
  })

/** What stands between the library and its best: development checks, tracing, telemetry. */
const environment = {
  ...process.env,
  NODE_ENV: "production",
  OPENAI_AGENTS_DISABLE_TRACING: "1",
  LANGSMITH_TRACING: "false",
  MASTRA_TELEMETRY_DISABLED: "1",
  OPENAI_API_KEY: "none"
}

const start = async (contender: Name, scenarios: ReadonlyArray<Scenario>) => {
  const child = fork(join(import.meta.dirname, "Child.ts"), {
    env: environment,
    execArgv: ["--conditions=fluxion-source", "--expose-gc", "--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "ignore", "inherit", "ipc"]
  })
  try {
    await ask(child, { _tag: "Prepare", contender, scenarios })
  } catch (error) {
    child.kill()
    throw new Error(`${contender}: ${error instanceof Error ? error.message : error}`)
  }
  return child
}

/** Starts all, and none if one cannot be started. */
const startAll = async (contenders: ReadonlyArray<Name>, scenarios: ReadonlyArray<Scenario>) => {
  const started = await Promise.allSettled(contenders.map((contender) => start(contender, scenarios)))
  const children = started.flatMap((child) => child.status === "fulfilled" ? [child.value] : [])
  const failed = started.find((child) => child.status === "rejected")
  if (failed === undefined) return children
  for (const child of children) child.kill()
  throw failed.reason
}

/**
 * CPU time of one run of each scenario, in microseconds, round by round: `values` makes numbers of them (a difference,
 * a quotient). Gives each contender's medians.
 */
export const measureAll = async <N extends Name>(
  contenders: ReadonlyArray<N>,
  scenarios: ReadonlyArray<Scenario>,
  settings: Settings,
  values: (times: ReadonlyArray<number>) => ReadonlyArray<number>
): Promise<Record<N, ReadonlyArray<number>>> => {
  const rounds = contenders.map((): Array<ReadonlyArray<number>> => [])
  for (let heat = 0; heat < settings.heats; heat++) {
    const children = await startAll(contenders, scenarios)
    try {
      const { sample, warm: milliseconds } = settings
      await Promise.all(children.map((child) => ask(child, { _tag: "Warm", milliseconds, sample })))
      for (let round = 0; round < settings.rounds / settings.heats; round++) {
        for (let turn = 0; turn < children.length; turn++) {
          const index = (turn + round) % children.length
          const times: Array<number> = []
          for (let scenario = 0; scenario < scenarios.length; scenario++) {
            times.push(...await ask(children[index]!, { _tag: "Sample", scenario }))
          }
          rounds[index]!.push(values(times))
        }
      }
    } finally {
      for (const child of children) child.kill()
    }
  }
  return byName(contenders, (index) => {
    const all = rounds[index]!
    return all[0]!.map((_, at) => median(all.map((row) => row[at]!)))
  })
}

/** The same, when one number is wanted: by default the time of the first scenario. */
export const measure = async <N extends Name>(
  contenders: ReadonlyArray<N>,
  scenarios: ReadonlyArray<Scenario>,
  settings: Settings,
  value: (times: ReadonlyArray<number>) => number = ([time]) => time!
): Promise<Record<N, number>> => {
  const medians = await measureAll(contenders, scenarios, settings, (times) => [value(times)])
  return byName(contenders, (index) => medians[contenders[index]!][0]!)
}

/**
 * CPU time and memory of a burst of concurrent runs. Memory is that of the first burst in a process, since what grew
 * stays grown; CPU time is the median of the bursts after it.
 */
export const burst = async <N extends Name>(contenders: ReadonlyArray<N>, scenario: Scenario, settings: Settings) => {
  const few: Scenario = { ...scenario, concurrent: 10 }
  const values = contenders.map(() => ({ cpu: [] as Array<number>, memory: [] as Array<number> }))
  for (let round = 0; round < Math.ceil(settings.rounds / 8); round++) {
    for (let index = 0; index < contenders.length; index++) {
      const child = await start(contenders[index]!, [scenario, few])
      try {
        const burst = async (scenario: number) => (await ask(child, { _tag: "Burst", scenario }))[0]!
        // not longer: the memory that many runs take hides what the burst takes
        for (let spent = 0; spent < settings.warm * 1000;) spent += await burst(1)
        values[index]!.memory.push(...await ask(child, { _tag: "Memory", scenario: 0 }))
        const warmth = new Warmth(settings.warm)
        for (let isWarm = false; !isWarm;) {
          const spent = await burst(0)
          isWarm = warmth.isDone(spent, spent)
        }
        for (let time = 0; time < 7; time++) {
          values[index]!.cpu.push(await burst(0))
        }
      } finally {
        child.kill()
      }
    }
  }
  return byName(contenders, (index) => ({ cpu: median(values[index]!.cpu), memory: median(values[index]!.memory) }))
}

/** A contender that can be asked one thing after the other. */
export const open = async (contender: Name, scenarios: ReadonlyArray<Scenario> = []) => {
  const child = await start(contender, scenarios)
  return { ask: (order: Order) => ask(child, order), close: () => child.kill() }
}
