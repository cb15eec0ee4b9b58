/** Executions on PostgreSQL: a step on one machine, on a cluster of two, on Effect's cluster engine; and how long a loss takes. */
import { digits, type Result, type Row } from "../measure/Row.ts"
import * as Trial from "../measure/Trial.ts"

type Step = readonly [alone: number, cpu: number, rate: number]

const step = (kind: string, runners: number, rounds: number) =>
  Trial.run<Step>("step", { kind, runners, rounds }, "cluster")

const steps = (rounds: number): ReadonlyArray<Result> => {
  const one = step("journal", 1, rounds)
  const two = step("cluster", 2, rounds)
  const effect = step("effect", 1, rounds)
  const row = (row: string, ours: Step, most: number): Result => ({
    row,
    ours: ours[1],
    peer: effect[1],
    floor: null,
    unit: "us",
    ratio: ours[1] / effect[1],
    target: `CPU <= ${most} x ClusterWorkflowEngine`,
    met: ours[1] <= effect[1] * most,
    notes: [
      `one after the other ${digits(ours[0])} ms a step, ClusterWorkflowEngine ${digits(effect[0])} ms`,
      `20 executions at once ${digits(ours[2])} steps a second, ClusterWorkflowEngine ${digits(effect[2])}`
    ]
  })
  return [
    row("a step on PostgreSQL, one machine", one, 0.5),
    row("a step on PostgreSQL, a cluster of two runners", two, 0.5)
  ]
}

const loss = (signal: "SIGKILL" | "SIGSTOP", count: number, what: string): Result => {
  const times = Trial.run<ReadonlyArray<number>>("failover", { signal, count }, "cluster").toSorted((a, b) => a - b)
  const worst = times.at(-1)!
  return {
    row: `fail-over, the worst of ${count} runners ${what}`,
    ours: worst,
    peer: null,
    floor: null,
    unit: "ms",
    ratio: null,
    target: "<= 10 s",
    met: worst <= 10_000,
    notes: [`median ${digits(times[Math.floor(count / 2)]!)} ms, best ${digits(times[0]!)} ms`]
  }
}

export const row: Row = {
  title: "many machines",
  peers: false,
  measure: ({ rounds }) =>
    Promise.resolve([
      ...steps(Math.ceil(rounds / 4)),
      loss("SIGKILL", 20, "killed"),
      loss("SIGSTOP", 3, "frozen")
    ])
}
