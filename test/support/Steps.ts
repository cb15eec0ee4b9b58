/**
 * A StepScope that writes down what goes through it, and answers from what it is given.
 */
import { Effect, Schema } from "effect"
import { StepScope } from "fluxion"

/** A step that was asked for: its name, what it was called with as JSON, and the names of the steps around it. */
export interface Recorded {
  readonly name: string
  readonly payload: unknown
  readonly inside: ReadonlyArray<string>
  readonly hasRollback: boolean
}

const encode = (schema: Schema.Top, value: unknown): unknown =>
  Schema.encodeUnknownSync(Schema.toCodecJson(schema as Schema.Codec<unknown>))(value)

/** What a scope of a test need not do. */
export const elsewhere: Omit<StepScope.StepScope, "idempotencyKey" | "step"> = {
  attempts: undefined,
  wait: ({ name }) => Effect.die(new Error(`nobody answers ${name} here`)),
  uuid: () => "00000000-0000-8000-8000-000000000000",
  random: () => 0.5,
  state: ({ initial }) => Effect.succeed(initial),
  change: ({ name }) => Effect.die(new Error(`the state ${name} is not kept here`)),
  isStopping: () => false
}

/** Makes a scope. `answers` are given by name, instead of running the body. */
export const recorder = (answers: { readonly [name: string]: unknown } = {}) => {
  const steps: Array<Recorded> = []
  /** What was stored, by name: the outcome through the step's own Schemas. */
  const stored: Array<readonly [name: string, outcome: unknown]> = []
  let counter = 0

  const make = (inside: ReadonlyArray<string>, idempotencyKey: string | undefined): StepScope.StepScope => ({
    idempotencyKey,
    step: (step, body) =>
      Effect.suspend(() => {
        steps.push({
          name: step.name,
          payload: encode(step.payloadSchema, step.payload),
          inside,
          hasRollback: step.rollback !== undefined
        })
        if (step.name in answers) return Effect.succeed(answers[step.name] as never)
        const key = `key-${++counter}`
        return Effect.provideService(body, StepScope.StepScope, make([...inside, step.name], key)).pipe(
          Effect.tap((value) => Effect.sync(() => stored.push([step.name, encode(step.success, value)]))),
          Effect.tapError((error) => Effect.sync(() => stored.push([step.name, encode(step.error, error)])))
        )
      }) as never,
    ...elsewhere
  })

  return {
    steps,
    stored,
    scope: make([], undefined),
    names: () => steps.map((step) => [...step.inside, step.name].join("/"))
  }
}

/** Runs an effect in a scope. */
export const within = (scope: StepScope.StepScope) => Effect.provideService(StepScope.StepScope, scope)
