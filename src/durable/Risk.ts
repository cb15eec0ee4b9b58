/**
 * What running a tool may do, and how that maps to the annotations of `effect/ai`, both ways.
 *
 * | risk     | Readonly | Destructive | OpenWorld |
 * | -------- | -------- | ----------- | --------- |
 * | read     | true     | false       | false     |
 * | write    | false    | true        | false     |
 * | exec     | false    | true        | true      |
 * | external | false    | false       | true      |
 */
import * as Tool from "effect/ai/Tool"
import * as Context from "effect/Context"

/** It reads, changes something here, runs code, or changes something elsewhere. */
export type Risk = "read" | "write" | "exec" | "external"

const table: { readonly [risk in Risk]: readonly [readonly: boolean, destructive: boolean, openWorld: boolean] } = {
  read: [true, false, false],
  write: [false, true, false],
  exec: [false, true, true],
  external: [false, false, true]
}

/** The annotations that say the same to an `effect/ai` Tool or an MCP client. */
export const toAnnotations = (risk: Risk): Context.Context<never> => {
  const [readonly, destructive, openWorld] = table[risk]
  return Context.make(Tool.Readonly, readonly).pipe(
    Context.add(Tool.Destructive, destructive),
    Context.add(Tool.OpenWorld, openWorld)
  ) as Context.Context<never>
}

/** What a tool's own annotations say; `undefined` when it declares none (their defaults say nothing). */
export const fromAnnotations = (annotations: Context.Context<never>): Risk | undefined => {
  const declared = (key: { readonly key: string }) => annotations.mapUnsafe.get(key.key) as boolean | undefined
  const readonly = declared(Tool.Readonly)
  const destructive = declared(Tool.Destructive)
  const openWorld = declared(Tool.OpenWorld)
  if (readonly === true) return "read"
  if (openWorld === true) return destructive === true ? "exec" : "external"
  return readonly === false || destructive !== undefined ? "write" : undefined
}
