/** A row of the design's table: what was measured, and whether it is good enough. */
import { type Name, names } from "./Contender.ts"
import type { Settings } from "./Contest.ts"

/** One line of the result. `ratio` is what `target` speaks of, unless the target is absolute. */
export interface Result {
  readonly row: string
  readonly ours: number
  readonly peer: number | null
  readonly floor: number | null
  readonly unit: string
  readonly ratio: number | null
  readonly target: string
  readonly met: boolean
  /** What stands under the line in the table, to inform: other peers, parts of the number. */
  readonly notes?: ReadonlyArray<string>
}

/** A measurement; every file in `rows/` exports one as `row`. */
export interface Row {
  /** What it measures, in a few words. */
  readonly title: string
  /** Whether it needs the peers' packages. */
  readonly peers: boolean
  readonly measure: (settings: Settings) => Promise<ReadonlyArray<Result>>
}

/** Two or three digits, whatever the size. */
export const digits = (value: number) => {
  const size = Math.abs(value)
  return size >= 100
    ? value.toFixed(0)
    : size >= 10
    ? value.toFixed(1)
    : size >= 1
    ? value.toFixed(2)
    : value.toFixed(3)
}

/** The result of a row whose target is a part of the peer's time. */
export const against = (
  row: string,
  unit: string,
  most: number,
  times: Partial<Record<Name, number>>,
  { floor, ours, peer }: { readonly ours: Name; readonly peer: Name; readonly floor: Name }
): Result => {
  const theirs = times[peer]!
  const ratio = times[ours]! / theirs
  const notes = Object.entries(times).filter(([name]) => ![ours, peer, floor].includes(name as Name)).map((
    [name, time]
  ) => `${names[name as Name]} ${digits(time)} ${unit}, ${digits(time / theirs)} x`)
  return {
    row,
    ours: times[ours]!,
    peer: theirs,
    floor: times[floor] ?? null,
    unit,
    ratio,
    target: `<= ${most} x ${names[peer]}`,
    met: ratio <= most,
    notes
  }
}
