/** Durable executions: a step on SQLite and on PostgreSQL, many at once, bytes, replay, and what waiting ones cost. */
import { median } from "../measure/Contest.ts"
import { digits, type Result, type Row } from "../measure/Row.ts"
import * as Trial from "../measure/Trial.ts"

type Pairs = ReadonlyArray<readonly [number, number]>

const ratios = (pairs: Pairs) => median(pairs.map(([ours, other]) => ours / other))
const first = (pairs: Pairs) => median(pairs.map(([ours]) => ours))
const second = (pairs: Pairs) => median(pairs.map(([, other]) => other))

const step = (rounds: number): Result => {
  const pairs = Trial.run<Pairs>("step", { rounds })
  const ratio = ratios(pairs)
  return {
    row: "a durable step, SQLite, one execution",
    ours: first(pairs),
    peer: null,
    floor: second(pairs),
    unit: "us",
    ratio,
    target: "<= 3.5 x a bare commit",
    met: ratio <= 3.5
  }
}

const cluster = (rounds: number): Result => {
  const pairs = Trial.run<Pairs>("cluster", { rounds })
  const ratio = ratios(pairs)
  return {
    row: "a durable step, SQLite, beside ClusterWorkflowEngine",
    ours: first(pairs),
    peer: second(pairs),
    floor: null,
    unit: "us",
    ratio,
    target: "<= 0.1 x its step",
    met: ratio <= 0.1
  }
}

const dbos = (rounds: number): Result => {
  const pairs = Trial.run<Pairs>("dbos", { rounds })
  const ratio = ratios(pairs)
  return {
    row: "a durable step, PostgreSQL, beside DBOS",
    ours: first(pairs),
    peer: second(pairs),
    floor: null,
    unit: "us",
    ratio,
    target: "<= 1 x its step",
    met: ratio <= 1
  }
}

/** The value below which 95 of 100 are. */
const p95 = (values: ReadonlyArray<number>) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * 0.95))]!

const decide = (rounds: number): Result => {
  const times = Trial.run<ReadonlyArray<number>>("decide", { rounds })
  return {
    row: "a decision here, the result from another process, p95",
    ours: p95(times),
    peer: null,
    floor: null,
    unit: "ms",
    ratio: null,
    target: "<= 50 ms",
    met: p95(times) <= 50,
    notes: [`median ${digits(median(times))} ms, of ${times.length}`]
  }
}

const takeOver = (rounds: number): Result => {
  const times = Trial.run<ReadonlyArray<number>>("takeOver", { rounds, count: 20 })
  const worst = Math.max(...times)
  return {
    row: "an execution is taken over after kill -9, the slowest",
    ours: worst,
    peer: null,
    floor: null,
    unit: "ms",
    ratio: null,
    target: "<= 10,000 ms",
    met: worst <= 10_000,
    notes: [`median ${digits(median(times))} ms, of ${times.length} executions in ${rounds} kills`]
  }
}

const many = (rounds: number, synchronous: "normal" | "full", least: number): Result => {
  const pairs = Trial.run<Pairs>("many", { rounds, synchronous })
  const ratio = ratios(pairs)
  return {
    row: `a step of 1,000 executions at once, synchronous ${synchronous}`,
    ours: second(pairs),
    peer: null,
    floor: first(pairs),
    unit: "us",
    ratio,
    target: `>= ${least} x the steps of one alone`,
    met: ratio >= least,
    notes: [`${digits(1e6 / second(pairs))} steps a second`]
  }
}

const bytes = (): Result => {
  const [few, all] = Trial.run<readonly [number, number]>("bytes")
  return {
    row: "bytes journaled a step, over its result",
    ours: all,
    peer: null,
    floor: null,
    unit: "B",
    ratio: all / few,
    target: "<= 512 B, flat from 10 to 5,000",
    met: all <= 512 && all <= few * 1.1,
    notes: [`${digits(few)} B at 10 steps`]
  }
}

const replay = (rounds: number): Result => {
  const [few, all, alone] = Trial.run<readonly [number, number, number]>("replay", { rounds })
  return {
    row: "replay of a step, over a resume without steps",
    ours: all,
    peer: null,
    floor: null,
    unit: "us",
    ratio: all / few,
    target: "<= 30 us at 100 and at 5,000 steps",
    met: all <= 30 && few <= 30,
    notes: [`${digits(few)} us at 100 steps; a resume without steps takes ${digits(alone / 1000)} ms`]
  }
}

const idle = (count: number): Result => {
  const [cpu, memory] = Trial.run<readonly [number, number]>("idle", { count, seconds: 5 })
  const megabytes = memory / 1024 / 1024
  return {
    row: `idle with ${count} paused executions, part of a core`,
    ours: cpu * 100,
    peer: null,
    floor: null,
    unit: "%",
    ratio: null,
    target: "<= 1 %, <= 50 MB over empty",
    met: cpu <= 0.01 && megabytes <= 50,
    notes: [`${digits(megabytes)} MB of heap over an empty engine`]
  }
}

export const row: Row = {
  title: "durable executions",
  peers: true,
  measure: ({ rounds }) =>
    Promise.resolve([
      step(rounds),
      cluster(Math.ceil(rounds / 4)),
      dbos(rounds),
      decide(rounds * 10),
      takeOver(Math.ceil(rounds / 4)),
      many(Math.ceil(rounds / 4), "normal", 2),
      many(Math.ceil(rounds / 4), "full", 8),
      bytes(),
      replay(Math.ceil(rounds / 4)),
      idle(10_000)
    ])
}
