/**
 * A contender's own process: prepares one run for each scenario, warms them up, and then runs samples as it is told.
 *
 * A sample is the CPU time of this process, all its threads (so the garbage collector and the compilers too), over a
 * number of runs one after the other. Every answer is checked, so that nothing is measured that was not done.
 */
import { readFileSync, writeFileSync } from "node:fs"
import type { Contender, Hanging, Run } from "./Contender.ts"
import * as Script from "./Script.ts"
import { Warmth } from "./Warmth.ts"

/** What the parent asks. */
export type Order =
  | { readonly _tag: "Prepare"; readonly contender: string; readonly scenarios: ReadonlyArray<Script.Scenario> }
  | { readonly _tag: "Warm"; readonly milliseconds: number; readonly sample: number }
  | { readonly _tag: "Sample"; readonly scenario: number }
  | { readonly _tag: "Burst"; readonly scenario: number }
  | { readonly _tag: "Memory"; readonly scenario: number }
  | { readonly _tag: "Hang"; readonly url: string }
  | { readonly _tag: "Stop" }

/** What the child answers: numbers, in the order of the scenarios; microseconds, bytes, and for `Stop` when it began and ended. */
export type Reply = { readonly _tag: "Done"; readonly numbers: ReadonlyArray<number> } | {
  readonly _tag: "Failed"
  readonly message: string
}

interface Prepared {
  readonly scenario: Script.Scenario
  readonly answer: string
  readonly run: Run
  runs: number
}

const cpu = () => {
  const { system, user } = process.cpuUsage()
  return user + system
}

const check = (prepared: Prepared, answer: string) => {
  if (answer === prepared.answer) return
  throw new Error(`the answer to ${JSON.stringify(prepared.scenario)} is ${JSON.stringify(answer).slice(0, 200)}`)
}

const repeat = async (prepared: Prepared, runs: number) => {
  const start = cpu()
  for (let run = 0; run < runs; run++) check(prepared, await prepared.run())
  return cpu() - start
}

/** Runs until the compilers have seen enough, and finds how many runs make a sample of the wanted length. */
const warm = async (prepared: Prepared, milliseconds: number, sample: number) => {
  const warmth = new Warmth(milliseconds)
  await repeat(prepared, 1)
  for (let runs = 1;;) {
    const batch = await repeat(prepared, runs)
    const each = Math.max(1, batch / runs)
    prepared.runs = Math.max(1, Math.round(sample * 1000 / each))
    if (warmth.isDone(batch, each)) return
    runs = Math.min(runs * 2, Math.ceil(20_000 / each))
  }
}

/** Linux forgets the peak when asked; elsewhere it is the peak since the start, which is never less. */
const forgetPeak = () => {
  if (process.platform === "linux") writeFileSync("/proc/self/clear_refs", "5")
}

const peak = () =>
  process.platform === "linux"
    ? Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]) * 1024
    : process.resourceUsage().maxRSS * 1024

/** All runs at once. */
const burst = async (prepared: Prepared) => {
  const start = cpu()
  const answers = await Promise.all(Array.from({ length: prepared.scenario.concurrent ?? 1 }, prepared.run))
  const spent = cpu() - start
  for (const answer of answers) check(prepared, answer)
  return spent
}

/** The most memory that the process had while all ran at once, over what it had before. */
const memory = async (prepared: Prepared) => {
  globalThis.gc?.() // not before a burst that is timed: it throws away what the compilers have learnt
  forgetPeak()
  const before = process.memoryUsage.rss()
  await burst(prepared)
  return peak() - before
}

/** Milliseconds, by a clock that all processes of the machine share. */
const now = () => {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}

let contender: Contender
let prepared: ReadonlyArray<Prepared> = []
let hanging: Hanging | undefined

const obey = async (order: Order): Promise<ReadonlyArray<number>> => {
  switch (order._tag) {
    case "Prepare": {
      contender = (await import(`../peers/${order.contender}.ts`)).contender
      prepared = await Promise.all(order.scenarios.map(async (scenario) => ({
        scenario,
        answer: Script.answer(scenario),
        run: await contender.prepare(scenario),
        runs: 1
      })))
      return []
    }
    case "Warm": {
      for (const one of prepared) await warm(one, order.milliseconds, order.sample)
      return prepared.map((one) => one.runs)
    }
    case "Sample": {
      const one = prepared[order.scenario]!
      return [await repeat(one, one.runs) / one.runs]
    }
    case "Burst":
      return [await burst(prepared[order.scenario]!)]
    case "Memory":
      return [await memory(prepared[order.scenario]!)]
    case "Hang":
      hanging = await contender.hang!(order.url)
      return []
    case "Stop": {
      const start = now()
      await hanging!.stop()
      return [start, now()]
    }
  }
}

const reply = (message: Reply) => process.send!(message)

process.on("message", (order: Order) =>
  obey(order).then(
    (numbers) => reply({ _tag: "Done", numbers }),
    (error: unknown) => reply({ _tag: "Failed", message: error instanceof Error ? error.stack ?? "" : String(error) })
  ))
