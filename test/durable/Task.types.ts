/**
 * The types of tasks: what a call gives, how it fails, what it needs. Checked by the compiler, never run.
 */
import { expectTypeOf } from "@effect/vitest"
import { Context, Effect, type Redacted, Schedule, Schema, SchemaGetter } from "effect"
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
expectTypeOf(full({ x: "" })).toEqualTypeOf<Effect.Effect<string, AgentError.NoApprover, Weather>>()
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

// a fallback answers every failure of the attempts: what is left is its own, and the approval that comes before them
const fails = {
  payload: { n: Schema.Finite },
  error: NotFound,
  timeout: "1 second",
  run: ({ n }: { readonly n: number }) => n > 1 ? Effect.fail(new NotFound({ city: "x" })) : Effect.succeed(n)
} as const
expectTypeOf(Task.make("t", fails)({ n: 1 })).toEqualTypeOf<
  Effect.Effect<number, NotFound | Task.TaskTimeout | Task.TaskResultInvalid>
>()
const total = Task.make("t", { ...fails, fallback: () => 0 })
expectTypeOf(total({ n: 1 })).toEqualTypeOf<Effect.Effect<number>>()
const risky = Task.make("t", {
  payload: { n: Schema.Finite },
  success: Schema.Finite,
  error: NotFound,
  run: async ({ n }) => n,
  fallback: (_, error) => error._tag === "TaskFailed" ? Effect.fail(new NotFound({ city: "y" })) : Effect.succeed(0)
})
expectTypeOf(risky({ n: 1 })).toEqualTypeOf<Effect.Effect<number, NotFound>>()
const late = getWeather.with({ fallback: (_, error) => error.city })
expectTypeOf(late({ city: "x" })).toEqualTypeOf<Effect.Effect<string, never, Weather>>()
expectTypeOf(getWeather.with({ approval: true }).with({ fallback: () => "x" })({ city: "x" })).toEqualTypeOf<
  Effect.Effect<string, AgentError.NoApprover, Weather>
>()
const later = late.with({
  timeout: 100,
  fallback: (_, error) => {
    expectTypeOf(error).toEqualTypeOf<NotFound | Task.TaskTimeout>()
    return "x"
  }
})
expectTypeOf(later({ city: "x" })).toEqualTypeOf<Effect.Effect<string, never, Weather>>()
// @ts-expect-error a fallback that may not be there is no fallback
getWeather.with({ fallback: undefined })

// a task's Schemas may need services, to decode a tool's arguments, say, or a result out of the journal
class Rates extends Context.Service<Rates, { readonly euro: number }>()("test/Rates") {}
class Vault extends Context.Service<Vault, { readonly key: string }>()("test/Vault") {}
class Codes extends Context.Service<Codes, { readonly all: ReadonlyArray<string> }>()("test/Codes") {}
const Euro = Schema.Finite.pipe(Schema.decodeTo(Schema.Finite, {
  decode: SchemaGetter.transformEffect((cents: number) => Rates.use(({ euro }) => Effect.succeed(cents * euro))),
  encode: SchemaGetter.transformEffect((euros: number) => Vault.use(({ key }) => Effect.succeed(euros / key.length)))
}))
const Coded = Schema.String.pipe(Schema.decodeTo(Schema.String, {
  decode: SchemaGetter.transformEffect((code: string) => Codes.use(() => Effect.succeed(code))),
  encode: SchemaGetter.passthrough()
}))
const priced = Task.make("t", { payload: { price: Euro }, success: Schema.Finite, run: ({ price }) => price })
expectTypeOf(priced({ price: 1 })).toEqualTypeOf<Effect.Effect<number, never, Rates | Vault>>()
const coded = Task.make("t", {
  payload: {},
  success: Euro,
  error: Coded,
  run: () => Weather.use(() => Effect.succeed(1))
})
expectTypeOf(coded({})).toEqualTypeOf<Effect.Effect<number, string, Rates | Vault | Codes | Weather>>()
// @ts-expect-error the Schema's services are missing
export const unpriced: Effect.Effect<number> = priced({ price: 1 })

// a task that takes nothing, or nothing that it must have, is called with nothing
const noPayload = Task.make("t", { success: Schema.Finite, run: () => 1 })
expectTypeOf(noPayload()).toEqualTypeOf<Effect.Effect<number>>()
expectTypeOf(now()).toEqualTypeOf<Effect.Effect<number>>()
const optional = Task.make("t", { payload: { n: Schema.optionalKey(Schema.Finite) }, run: ({ n }) => n ?? 1 })
expectTypeOf(optional()).toEqualTypeOf<Effect.Effect<number, Task.TaskResultInvalid>>()
expectTypeOf(optional({ n: 2 })).toEqualTypeOf<Effect.Effect<number, Task.TaskResultInvalid>>()
expectTypeOf<Parameters<typeof getWeather>>().toEqualTypeOf<
  [payload: { readonly city: string; readonly day?: number }]
>()
// @ts-expect-error a payload is missing
getWeather()

// what a fallback answered is no part of a task's type where nobody asks
const anyOf = <P extends Schema.Top>(task: Task.Task<string, P, string, never, Weather>) => task
anyOf(late)

// the order in which options are written does not matter
const inOrder = Task.make("t", {
  payload: { n: Schema.Finite },
  success: Schema.Finite,
  error: NotFound,
  retry: { times: 1, while: (error) => error._tag === "NotFound" },
  rollback: ({ n }, exit) => Effect.log(n, exit._tag === "Success" && exit.value.toFixed()),
  run: ({ n }) => Weather.use((weather) => Effect.as(weather.at("x"), n))
})
expectTypeOf(inOrder({ n: 1 })).toEqualTypeOf<Effect.Effect<number, NotFound, Weather>>()
const answered = Task.make("t", {
  payload: { n: Schema.Finite },
  fallback: ({ n }, error) => error._tag === "TaskFailed" ? 0 : n,
  run: ({ n }) => Weather.use((weather) => Effect.as(weather.at("x"), n))
})
expectTypeOf(answered({ n: 1 })).toEqualTypeOf<Effect.Effect<number, never, Weather>>()

// a step's options
now.with({ inDoubt: "ask", cache: { ttl: "1 hour" } })
Task.make("t", {
  payload: { n: Schema.Finite },
  inDoubt: "fail",
  cache: { key: ({ n }) => n.toFixed(), ttl: "1 hour" },
  run: ({ n }) => n
})
// @ts-expect-error nobody knows what that would be
Task.make("t", { payload: {}, inDoubt: "retry", run: () => 1 })
expectTypeOf(now.with({ inDoubt: "fail" })()).toExtend<Effect.Effect<unknown, Task.TaskInDoubt>>()
// @ts-expect-error an answer is good for some time
now.with({ cache: {} })
