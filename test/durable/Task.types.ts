/**
 * The types of tasks: what a call gives, how it fails, what it needs. Checked by the compiler, never run.
 */
import { expectTypeOf } from "@effect/vitest"
import { Context, Effect, type Redacted, Schedule, Schema } from "effect"
import { type AgentError, Task } from "fluxion"

class Weather extends Context.Service<Weather, { readonly at: (city: string) => Effect.Effect<string> }>()(
  "test/Weather"
) {}
class NotFound extends Schema.TaggedError<NotFound>()("NotFound", { city: Schema.String }) {}

// payload, success, error and services are inferred
const getWeather = Task.make("get_weather", {
  payload: { city: Schema.String, day: Schema.optionalKey(Schema.Finite) },
  success: Schema.String,
  error: NotFound,
  run: ({ city }) => city === "x" ? Effect.fail(new NotFound({ city })) : Weather.use((weather) => weather.at(city))
})
expectTypeOf(getWeather({ city: "Paris" })).toEqualTypeOf<Effect.Effect<string, NotFound, Weather>>()
expectTypeOf(getWeather.name).toEqualTypeOf<"get_weather">()
// @ts-expect-error a wrong payload
getWeather({ town: "Paris" })
// @ts-expect-error a service is missing
export const missing: Effect.Effect<string, NotFound> = getWeather({ city: "Paris" })

// a body is given what the payload's Schema decodes to; a call takes the same
const pay = Task.make("pay", {
  payload: Schema.Struct({ key: Schema.Redacted(Schema.String), at: Schema.Date, n: Schema.FiniteFromString }),
  success: Schema.Void,
  run: (payload) => {
    expectTypeOf(payload).toEqualTypeOf<
      { readonly key: Redacted.Redacted<string>; readonly at: Date; readonly n: number }
    >()
    return Effect.void
  }
})
expectTypeOf<Parameters<typeof pay>[0]["n"]>().toEqualTypeOf<number>()

const generated = Task.make("t", {
  payload: { x: Schema.String },
  success: Schema.String,
  error: NotFound,
  run: Effect.fnUntraced(function*({ x }: { readonly x: string }) {
    yield* Weather
    if (x !== "") return yield* new NotFound({ city: "" })
    return "a"
  })
})
expectTypeOf(generated({ x: "" })).toEqualTypeOf<Effect.Effect<string, NotFound, Weather>>()

// an undeclared typed failure, with or without success, and a wrong success do not compile
Task.make("t", {
  payload: {},
  success: Schema.String,
  // @ts-expect-error NotFound is not declared
  run: () => Effect.fail(new NotFound({ city: "x" }))
})
Task.make("t", {
  payload: {},
  // @ts-expect-error NotFound is not declared
  run: () => Effect.fail(new NotFound({ city: "x" }))
})
// @ts-expect-error a number is no string
Task.make("t", { payload: {}, success: Schema.String, run: () => Effect.succeed(1) })

// success left out: the type is what the body returns, and it has to be JSON
const plain = Task.make("t", {
  payload: { n: Schema.Finite },
  run: async ({ n }, { attempt, signal }) => ({ n: n + attempt, aborted: signal.aborted })
})
expectTypeOf(plain({ n: 1 })).toEqualTypeOf<
  Effect.Effect<{ n: number; aborted: boolean }, Task.TaskFailed | Task.TaskResultInvalid>
>()
const value = Task.make("t", { payload: {}, run: () => 1 })
expectTypeOf(value({})).toEqualTypeOf<Effect.Effect<number, Task.TaskResultInvalid>>()
const promised = Task.make("t", { payload: {}, success: Schema.Finite, run: () => Promise.resolve(1) })
expectTypeOf(promised({})).toEqualTypeOf<Effect.Effect<number, Task.TaskFailed>>()
const literal = Task.make("t", {
  payload: {},
  success: Schema.Literals(["a", "b"]),
  run: () => Effect.succeed("a" as const)
})
expectTypeOf(literal({})).toEqualTypeOf<Effect.Effect<"a" | "b">>()

// Task.Current is given by the task itself
const current = Task.make("t", {
  payload: {},
  success: Schema.Finite,
  run: () => Task.Current.use((task) => Effect.succeed(task.attempt))
})
expectTypeOf(current({})).toEqualTypeOf<Effect.Effect<number>>()

// options see the payload and every error of an attempt; they add services and errors of their own
const full = Task.make("t", {
  payload: { x: Schema.String },
  success: Schema.String,
  error: NotFound,
  timeout: "1 second",
  retry: { times: 3, while: (error) => error._tag === "NotFound" || error._tag === "TaskTimeout" },
  fallback: (payload, error) => Weather.use((weather) => weather.at(payload.x + error._tag)),
  rollback: (payload, exit) => Effect.log(payload.x, exit),
  approval: ({ x }) => x === "expensive",
  run: (): Effect.Effect<string, NotFound> => Effect.succeed("x")
})
expectTypeOf(full({ x: "" })).toEqualTypeOf<
  Effect.Effect<string, NotFound | Task.TaskTimeout | AgentError.NoApprover, Weather>
>()
Task.make("t", {
  payload: {},
  success: Schema.String,
  // @ts-expect-error a fallback answers with what the task answers
  fallback: () => Effect.succeed(1),
  run: () => Effect.succeed("x")
})

// with(…) keeps the rest, and adds what the new options add
const now = Task.make("now", { payload: {}, success: Schema.Finite, run: () => Effect.succeed(1) })
expectTypeOf(now.with({ timeout: 100, retry: Schedule.recurs(3) })({})).toEqualTypeOf<
  Effect.Effect<number, Task.TaskTimeout>
>()
expectTypeOf(now.with({ approval: true })({})).toEqualTypeOf<Effect.Effect<number, AgentError.NoApprover>>()
expectTypeOf(now.with({ approval: false, description: "d" })({})).toEqualTypeOf<Effect.Effect<number>>()
expectTypeOf(now.with({ rollback: () => Weather.use((weather) => weather.at("x")) })({})).toEqualTypeOf<
  Effect.Effect<number, never, Weather>
>()

// many, and mocked
expectTypeOf(Task.map(getWeather, [{ city: "a" }])).toEqualTypeOf<Effect.Effect<Array<string>, NotFound, Weather>>()
Task.mock(getWeather, ({ city }) => Effect.succeed(city))
// @ts-expect-error a mock answers with what the task answers
Task.mock(getWeather, () => Effect.succeed(1))

// plain data of any shape, also by an interface or a class
interface Row {
  readonly n: number
}
const row: Row = { n: 1 }
const rows = Task.make("t", { payload: {}, run: () => ({ rows: [row], none: undefined }) })
expectTypeOf(rows({})).toEqualTypeOf<Effect.Effect<{ rows: Array<Row>; none: undefined }, Task.TaskResultInvalid>>()
const nothing = Task.make("t", { payload: {}, run: () => {} })
expectTypeOf(nothing({})).toEqualTypeOf<Effect.Effect<void, Task.TaskResultInvalid>>()

// a fallback that is a Promise may be rejected
const kept = now.with({ fallback: () => Promise.resolve(1) })
expectTypeOf(kept({})).toEqualTypeOf<Effect.Effect<number, Task.TaskFailed>>()
