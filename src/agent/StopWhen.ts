/**
 * Rules that end a run early: small predicates over its turns so far, which compose.
 */

/** What one turn did, as rules and `beforeTurn` see it. */
export interface RunStep {
  /** 1 for the first turn. */
  readonly turn: number
  readonly text: string
  readonly toolCalls: ReadonlyArray<{
    readonly name: string
    readonly arguments: unknown
    /** What the model was told. */
    readonly result: unknown
    readonly failed: boolean
  }>
}

/** Whether a run that has done these turns should end now; asked after the tools of each turn. */
export type StopWhen = (steps: ReadonlyArray<RunStep>) => boolean

/** The named tool was called and did not fail. */
export const toolCalled = (name: string): StopWhen => (steps) =>
  steps.some((step) => step.toolCalls.some((call) => call.name === name && !call.failed))

/** The last `times` calls are the same: name and arguments. */
export const sameCall = (times: number): StopWhen => (steps) => {
  const calls = steps.flatMap((step) => step.toolCalls)
  if (calls.length < times) return false
  const keys = calls.slice(-times).map((call) => `${call.name} ${JSON.stringify(call.arguments)}`)
  return keys.every((key) => key === keys[0])
}

/** In the last `turns` turns no tool returned anything that had not been seen before. */
export const noProgress = (turns: number): StopWhen => (steps) => {
  if (steps.length < turns) return false
  const seen = new Set<string>()
  let idle = 0
  for (const step of steps) {
    let fresh = false
    for (const call of step.toolCalls) {
      const key = `${call.name} ${JSON.stringify(call.result)}`
      if (!call.failed && !seen.has(key)) fresh = true
      seen.add(key)
    }
    idle = fresh ? 0 : idle + 1
  }
  return idle >= turns
}

/** So many turns were made. */
export const turns = (count: number): StopWhen => (steps) => steps.length >= count

/** One of the rules says so. */
export const any = (...rules: ReadonlyArray<StopWhen>): StopWhen => (steps) => rules.some((rule) => rule(steps))

/** All of the rules say so. */
export const all = (...rules: ReadonlyArray<StopWhen>): StopWhen => (steps) => rules.every((rule) => rule(steps))

/** The rule does not say so. */
export const not = (rule: StopWhen): StopWhen => (steps) => !rule(steps)
