/**
 * Says what a run left out or cut: in its result each time, in the log once for an agent.
 */
import * as Effect from "effect/Effect"
import type { AgentDefinition } from "./prepare.ts"
import type { RunState } from "./RunState.ts"

export const warn = (agent: AgentDefinition, state: RunState, code: string, message: string): Effect.Effect<void> => {
  state.warn(code, message)
  const key = `${code} ${message}`
  if (agent.logged.has(key)) return Effect.void
  agent.logged.add(key)
  return Effect.logWarning(`agent ${agent.name}: ${message}`)
}
