/**
 * A point at which an execution waits for somebody's answer: minutes or weeks, holding no process.
 *
 * `yield* review(notes)` inside a workflow shows `notes` to whoever is to answer, and gives their answer, typed;
 * `review.resume(executionId, answer)` answers from any process. The first answer wins.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Name from "../core/Name.ts"
import type { CurrentExecution } from "./CurrentExecution.ts"
import type { Engine, EngineError } from "./Engine.ts"
import * as Execution from "./Execution.ts"
import {
  type AlreadyResumed,
  type ExecutionNotFound,
  type ExecutionState,
  InputInvalid,
  type NotPaused,
  PauseTimedOut
} from "./ExecutionError.ts"
import * as Codecs from "./internal/codecs.ts"
import * as StepScope from "./StepScope.ts"
import type { Waits } from "./Waits.ts"

/** Until when a pause waits: so long, or until that time in milliseconds since 1970. */
export type Limit = { readonly timeout: Duration.Input } | { readonly until: number }

/** A named point at which an execution waits. */
export interface Pause<out Name extends string, Output extends Schema.Top, Input extends Schema.Top> {
  readonly name: Name
  readonly output: Output
  readonly input: Input
  /** Waits for an answer; `output` is what whoever answers is shown. */
  (output: Output["Type"]): Effect.Effect<Input["Type"], never, CurrentExecution>
  /** Waits for an answer until a limit. */
  (output: Output["Type"], limit: Limit): Effect.Effect<Input["Type"], PauseTimedOut, CurrentExecution>
  /** Answers. `key` says which, of several pauses of this name at which the execution waits; default: the first. */
  readonly resume: (
    executionId: string,
    input: Input["Type"],
    options?: { readonly key?: string | undefined }
  ) => Effect.Effect<
    void,
    AlreadyResumed | ExecutionNotFound | ExecutionState | InputInvalid | NotPaused | EngineError,
    Engine
  >
}

/** The JSON Schema of a pause's answer; anything, where the Schema has none. */
const toJsonSchema = (schema: Schema.Top): Schema.Json => {
  try {
    const { definitions, schema: root } = Schema.toJsonSchemaDocument(schema)
    const json = Object.keys(definitions).length === 0 ? root : { ...root, $defs: definitions }
    return JSON.parse(JSON.stringify(json)) as Schema.Json
  } catch {
    return {}
  }
}

/**
 * Makes a pause, by Schemas that need no services. `output` is what is shown (default: nothing), `input` what is answered.
 *
 * ```ts
 * const review = Pause.make("review", { output: Schema.String, input: Schema.Struct({ approved: Schema.Boolean }) })
 * ```
 */
export const make = <
  const Name extends string,
  Input extends Schema.Codec<any, any>,
  Output extends Schema.Codec<any, any> = typeof Schema.Void
>(
  name: Name,
  options: { readonly input: Input; readonly output?: Output | undefined }
): Pause<Name, Output, Input> => {
  Name.assert("pause", name)
  const { input } = options
  const output = options.output ?? Schema.Void
  let described: Schema.Json | undefined
  const pause = (value: unknown, limit?: Limit) =>
    Effect.withFiber<unknown, PauseTimedOut>((fiber) => {
      const scope = StepScope.current(fiber)
      if (scope === undefined) return Effect.die(new Error(`pause ${name} was reached outside a workflow`))
      return scope.wait({
        name,
        payload: null,
        payloadSchema: Schema.Null,
        success: input as Schema.Codec<unknown, unknown, unknown, unknown>,
        error: PauseTimedOut,
        waits: () =>
          Effect.map(Clock.currentTimeMillis, (since): typeof Schema.Json.Type => {
            const until = limit && ("until" in limit
              ? limit.until
              : since + Duration.toMillis(Duration.fromInputUnsafe(limit.timeout)))
            const waits: Waits = {
              _tag: "Answer",
              output: Codecs.of(output).encode(value),
              input: described ??= toJsonSchema(input),
              since,
              ...(until === undefined ? {} : {
                until,
                outcome: Codecs.ofExit({ success: input, error: PauseTimedOut }).encode(
                  Exit.fail(new PauseTimedOut({ pause: name, until }))
                )
              })
            }
            return waits as unknown as Schema.Json
          })
      })
    })
  return Object.defineProperties(pause, {
    name: { value: name, enumerable: true },
    output: { value: output },
    input: { value: input },
    resume: {
      value: (execution: string, answer: unknown, { key }: { readonly key?: string | undefined } = {}) =>
        Effect.flatMap(
          Effect.try({
            try: () => Codecs.ofExit({ success: input, error: PauseTimedOut }).encode(Exit.succeed(answer)),
            catch: (cause) =>
              new InputInvalid({
                execution,
                pause: name,
                issues: cause instanceof Error ? cause.message : String(cause)
              })
          }),
          (data) => Execution.answer(execution, { name, key }, data)
        )
    }
  }) as any
}
