/**
 * Machines of a cluster, each a process: what they run writes down who began and ended what, and when.
 */
import { Effect, Layer, Schema } from "effect"
import { Agent, AgentError, Engine, Task, Workflow } from "fluxion"
import { TestModel } from "fluxion/testing"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { appendFileSync, existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type * as Network from "../support/Network.ts"

/** A line of what was done: the process, the time, `begin`, `done` or `model`, the execution, and the task. */
export interface Line {
  readonly pid: number
  readonly at: number
  readonly what: string
  readonly execution: string
  readonly task: string
}

/** What a machine is told. */
export interface Setting {
  readonly url: string
  /** The file that its lines go to. */
  readonly did: string
  readonly version?: string
  readonly lease?: number
}

/**
 * The workflow: a task, an agent that calls a tool which takes `millis` (and stops the event loop when it `blocks`), and a
 * task more.
 */
export const make = ({ did, version = "1" }: Pick<Setting, "did" | "version">) => {
  const write = (what: string, execution: string, task: string) =>
    Effect.sync(() => appendFileSync(did, `${process.pid} ${Date.now()} ${what} ${execution} ${task}\n`))
  const payload = { execution: Schema.String, millis: Schema.Finite, blocks: Schema.Boolean }
  const task = <const Name extends string>(name: Name) =>
    Task.make(name, {
      payload,
      success: Schema.String,
      run: ({ blocks, execution, millis }) =>
        Effect.gen(function*() {
          yield* write("begin", execution, name)
          if (blocks) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
          else yield* Effect.sleep(millis)
          yield* write("done", execution, name)
          return name
        })
    })
  const [before, tool, after] = [task("before"), task("tool"), task("after")] as const
  const model = TestModel.layer(Array.from({ length: 2_000 }, () =>
    TestModel.respond(({ prompt }) => {
      const text = JSON.stringify(prompt.content)
      const asked = JSON.parse(/<<(.*?)>>/.exec(text.replaceAll("\\\"", "\""))![1]!)
      appendFileSync(did, `${process.pid} ${Date.now()} model ${asked.execution} model\n`)
      return prompt.content.some(({ role }) => role === "tool")
        ? TestModel.text("done")
        : TestModel.toolCall("tool", asked)
    })))
  const worker = Agent.make("worker", { instructions: "Work.", tools: [tool] })
  const flow = Workflow.make("flow", {
    payload,
    success: Schema.String,
    error: AgentError.AgentError,
    version,
    run: (payload) =>
      Effect.gen(function*() {
        yield* before({ ...payload, millis: 0, blocks: false })
        const said = yield* worker(`<<${JSON.stringify(payload)}>>`)
        yield* after({ ...payload, millis: 0, blocks: false })
        return `${said} by version ${version}`
      })
  })
  return { flow, layer: flow.layer.pipe(Layer.provide(model), Layer.orDie) }
}

/** What was done so far. */
export const lines = (did: string): ReadonlyArray<Line> =>
  !existsSync(did) ? [] : readFileSync(did, "utf8").trimEnd().split("\n").filter((line) => line !== "").map((line) => {
    const [pid, at, what, execution, task] = line.split(" ") as [string, string, string, string, string]
    return { pid: Number(pid), at: Number(at), what, execution, task }
  })

/** Starts a machine, in a network of its own if one is given, and waits until it is ready. */
export const boot = async (setting: Setting, network?: Network.Network): Promise<ChildProcess> => {
  const [command, ...args] = [
    ...network?.within ?? [],
    process.execPath,
    "--conditions=fluxion-source",
    "--disable-warning=ExperimentalWarning",
    join(import.meta.dirname, "..", "children", "machine.ts"),
    JSON.stringify(setting)
  ]
  const child = spawn(command!, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] })
  await once(child, "message")
  return child
}

/** Starts executions that do nothing, until each machine has taken some of the last ones: it has its shards then. */
export const spread = (
  { flow }: ReturnType<typeof make>,
  did: string,
  name: string,
  machines: ReadonlyArray<ChildProcess>
) =>
  Effect.gen(function*() {
    const isSpread = () => {
      const last = lines(did).filter(({ execution, task, what }) =>
        execution.startsWith(`${name}-`) && what === "begin" && task === "before"
      ).slice(-10)
      return machines.every(({ pid }) => last.filter((line) => line.pid === pid).length > 2)
    }
    for (let index = 0; !isSpread(); index++) {
      const execution = `${name}-${index}`
      yield* flow.execute({ execution, millis: 0, blocks: false }, { id: execution })
    }
  })

/** Starts executions whose tool takes so long, and waits until all are in it. Gives the lines that say so. */
export const inTool = (
  { flow }: ReturnType<typeof make>,
  did: string,
  ids: ReadonlyArray<string>,
  millis: number,
  blocks = false
) =>
  Effect.gen(function*() {
    yield* Effect.forEach(ids, (execution) => flow.start({ execution, millis, blocks }, { id: execution }), {
      concurrency: "unbounded"
    })
    const begun = () =>
      lines(did).filter(({ execution, task, what }) => what === "begin" && task === "tool" && ids.includes(execution))
    yield* Effect.repeat(Effect.sleep(10), { until: () => Effect.succeed(begun().length >= ids.length) })
    return begun()
  })

/** What of executions was done or recorded twice, or not at all. What was cut off may have begun twice. */
export const faults = (did: string, ids: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { journal } = yield* Engine.Engine
    const faults: Array<string> = []
    const all = lines(did)
    for (const id of ids) {
      const mine = all.filter(({ execution }) => execution === id)
      const count = (what: string, task: string) =>
        mine.filter((line) => line.what === what && line.task === task).length
      if (count("begin", "before") !== 1) faults.push(`${id}: before ran ${count("begin", "before")} times`)
      if (count("model", "model") !== 2) faults.push(`${id}: the model was asked ${count("model", "model")} times`)
      if (count("done", "after") !== 1) faults.push(`${id}: after ran ${count("done", "after")} times`)
      if (count("begin", "tool") > 2) faults.push(`${id}: the tool began ${count("begin", "tool")} times`)
      const events = (yield* journal.load(id)).map(({ event }) => event)
      const steps = events.flatMap((event) => event._tag === "StepCompleted" ? [event.key] : [])
      if (new Set(steps).size !== steps.length) faults.push(`${id}: a step was recorded twice`)
      if (events.filter(({ _tag }) => _tag === "ExecutionCompleted").length !== 1) faults.push(`${id}: its end`)
      if (events.at(-1)?._tag !== "ExecutionCompleted") faults.push(`${id}: its end is not the last`)
    }
    return faults
  })
