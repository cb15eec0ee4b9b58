/**
 * What is measured of several machines, on a PostgreSQL server of its own: `node Trials.ts <name> <json>` prints numbers.
 *
 * The machines are processes. CPU is that of all of them, without the server's.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import * as PostgresServer from "../../test/support/PostgresServer.ts"
import type { Asked, Kind, Told } from "./Runner.ts"

const server = await PostgresServer.start()
let databases = 0

interface Runner {
  readonly child: ChildProcess
  readonly ask: (asked: Asked) => Promise<number>
}

/** Slow steps that began: where, which and when. */
const begun: Array<{ readonly pid: number; readonly id: string; readonly at: number }> = []

const boot = async (kind: Kind, url: string): Promise<Runner> => {
  const child = spawn(process.execPath, [
    "--conditions=fluxion-source",
    "--disable-warning=ExperimentalWarning",
    join(import.meta.dirname, "Runner.ts"),
    kind,
    url
  ], { stdio: ["ignore", "ignore", "inherit", "ipc"] })
  const waiting: Array<(value: number) => void> = []
  child.on("message", (told: Told) => {
    if (told._tag === "Begin") begun.push({ pid: child.pid!, id: told.id, at: told.at })
    else waiting.shift()!(told._tag === "Took" ? told.value : 0)
  })
  const answer = () => new Promise<number>((resolve) => waiting.push(resolve))
  await answer()
  return {
    child,
    ask: (asked) => {
      const answered = answer()
      child.send(asked)
      return answered
    }
  }
}

const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

/** Milliseconds of a step of one execution; microseconds of CPU of a step, and steps a second, of 20 executions at once. */
const step = async ({ kind, rounds, runners }: { kind: Kind; rounds: number; runners: number }) => {
  const url = await server.database(`step_${databases++}`)
  const all = await Promise.all(Array.from({ length: runners }, () => boot(kind, url)))
  const cpu = async () => (await Promise.all(all.map(({ ask }) => ask({ _tag: "Cpu" })))).reduce((a, b) => a + b)
  // each has its shards then, and is warm
  await sleep(5_000)
  await all[0]!.ask({ _tag: "Run", name: "warm", executions: 20, steps: 20 })
  const [alone, spent, many]: [Array<number>, Array<number>, Array<number>] = [[], [], []]
  for (let round = 0; round < rounds; round++) {
    alone.push(await all[0]!.ask({ _tag: "Run", name: `alone-${round}`, executions: 1, steps: 50 }) / 50)
    const before = await cpu()
    const took = await all[0]!.ask({ _tag: "Run", name: `many-${round}`, executions: 20, steps: 20 })
    spent.push((await cpu() - before) / 400)
    many.push(400 / took * 1000)
  }
  for (const { child } of all) child.kill("SIGKILL")
  return [median(alone), median(spent), median(many)]
}

/** Milliseconds from the loss of a runner until another one goes on with what it had, for each loss. */
const failover = async ({ count, signal }: { count: number; signal: "SIGKILL" | "SIGSTOP" }) => {
  const url = await server.database(`failover_${databases++}`)
  let [first, second] = await Promise.all([boot("cluster", url), boot("cluster", url)])
  const times: Array<number> = []
  for (let loss = 0; loss < count; loss++) {
    // until the first one has some
    const ids: Array<string> = []
    const mine = () => begun.filter(({ id, pid }) => ids.includes(id) && pid === first.child.pid)
    for (let index = 0; mine().length < 3; index++) {
      const id = `${signal}-${loss}-${index}`
      ids.push(id)
      await second.ask({ _tag: "Slow", id, millis: 20_000 })
      await sleep(50)
    }
    await sleep(500)
    const lost = mine()
    const at = Date.now()
    first.child.kill(signal)
    const taken = () => begun.filter(({ id, pid }) => lost.some((one) => one.id === id) && pid !== first.child.pid)
    while (taken().length < lost.length) await sleep(5)
    times.push(Math.max(...taken().map((one) => one.at - at)))
    first.child.kill("SIGKILL")
    first = second
    second = await boot("cluster", url)
  }
  for (const { child } of [first, second]) child.kill("SIGKILL")
  return times
}

const trials: { readonly [name: string]: (settings: any) => Promise<unknown> } = { step, failover }
const [name, settings] = process.argv.slice(2)
const numbers = await trials[name!]!(JSON.parse(settings!)).finally(() => server.stop())
process.stdout.write(`${JSON.stringify(numbers)}\n`)
