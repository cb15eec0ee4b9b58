/** Long-term memory: recall and search at 100,000 facts, on SQLite and on PostgreSQL. */
import { digits, type Result, type Row } from "../measure/Row.ts"
import * as Trial from "../measure/Trial.ts"
import type { Times } from "../memory/Trials.ts"

const databases = { sqlite: "SQLite", postgres: "PostgreSQL" } as const

const measure = (name: keyof typeof databases, rounds: number): ReadonlyArray<Result> => {
  const [few, all] = Trial.run<readonly [Times, Times]>(name, { rounds, sizes: [1_000, 100_000] }, "memory")
  const recalled = all.recall / few.recall
  const searched = all.search / all.scan
  return [
    {
      row: `recall of one fact of 100,000, ${databases[name]}`,
      ours: all.recall,
      peer: null,
      floor: few.recall,
      unit: "us",
      ratio: recalled,
      target: "<= 1.5 x one of 1,000",
      met: recalled <= 1.5
    },
    {
      row: `search for a word in 100,000 facts, ${databases[name]}`,
      ours: all.search,
      peer: null,
      floor: all.scan,
      unit: "us",
      ratio: searched,
      target: "<= 0.3 x the same by like, without an index",
      met: searched <= 0.3,
      notes: [`${digits(all.common / 1000)} ms for a word that every fact has; ${digits(few.search)} us among 1,000`]
    }
  ]
}

export const row: Row = {
  title: "long-term memory",
  peers: false,
  measure: ({ rounds }) => Promise.resolve([...measure("sqlite", rounds), ...measure("postgres", rounds)])
}
