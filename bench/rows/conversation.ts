/** A message in a conversation of 5,000 messages, over one in a conversation of 10, on SQLite and on PostgreSQL. */
import type { Times } from "../conversation/Trials.ts"
import { digits, type Result, type Row } from "../measure/Row.ts"
import * as Trial from "../measure/Trial.ts"

const databases = { sqlite: "SQLite", postgres: "PostgreSQL" } as const

const measure = (name: keyof typeof databases, rounds: number): Result => {
  const [few, many] = Trial.run<readonly [Times, Times]>(
    name,
    { rounds: rounds * 10, sizes: [10, 5000] },
    "conversation"
  )
  const ratio = many.windowed / few.windowed
  return {
    row: `a message in a conversation of 5,000, ${databases[name]}`,
    ours: many.windowed,
    peer: null,
    floor: few.windowed,
    unit: "us",
    ratio,
    target: "<= 1.2 x one in a conversation of 10",
    met: ratio <= 1.2,
    notes: [`a window of 20; with all 5,000 sent: ${digits(many.whole / 1000)} ms`]
  }
}

export const row: Row = {
  title: "a message in a stored conversation",
  peers: false,
  measure: ({ rounds }) => Promise.resolve([measure("sqlite", rounds), measure("postgres", rounds)])
}
