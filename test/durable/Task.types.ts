import { Context, Effect, Schema, Schedule } from "effect"
import * as Task from "../../src/durable/Task.ts"
class Weather extends Context.Service<Weather, { readonly at: (c: string) => Effect.Effect<string> }>()("x/Weather") {}
class NotFound extends Schema.TaggedError<NotFound>()("NotFound", { city: Schema.String }) {}
const getWeather = Task.make("get_weather", {
  payload: { city: Schema.String, day: Schema.optionalKey(Schema.Finite) },
  success: Schema.String,
  error: NotFound,
  run: ({ city }) => city === "x" ? Effect.fail(new NotFound({ city })) : Weather.use((w) => w.at(city))
})
export const r1: Effect.Effect<string, NotFound, Weather> = getWeather({ city: "Paris" })
export const now = Task.make("now", { payload: {}, success: Schema.Finite, run: () => Effect.succeed(1) })
export const r2: Effect.Effect<number> = now({})
// @ts-expect-error wrong payload
getWeather({ town: "Paris" })
Task.make("t", {
  payload: {}, success: Schema.String,
  // @ts-expect-error an undeclared typed failure
  run: () => Effect.fail(new NotFound({ city: "x" }))
})
Task.make("t", {
  payload: {},
  // @ts-expect-error an undeclared typed failure without success
  run: () => Effect.fail(new NotFound({ city: "x" }))
})
// @ts-expect-error wrong success
Task.make("t", { payload: {}, success: Schema.String, run: () => Effect.succeed(1) })
const p = Task.make("t", { payload: { n: Schema.Finite }, run: async ({ n }, { signal, attempt }) => ({ n: n + attempt, a: signal.aborted }) })
export const r3: Effect.Effect<{ n: number; a: boolean }, Task.TaskFailed | Task.TaskResultInvalid> = p({ n: 1 })
const lit = Task.make("t", { payload: {}, success: Schema.Literals(["a", "b"]), run: () => Effect.succeed("a" as const) })
export const r4: Effect.Effect<"a" | "b"> = lit({})
const v = Task.make("t", { payload: {}, run: () => 1 })
export const r5: Effect.Effect<number, Task.TaskResultInvalid> = v({})
const to = Task.make("t", {
  payload: { x: Schema.String }, success: Schema.String, error: NotFound, timeout: "1 second",
  retry: { times: 3, while: (e) => e._tag === "NotFound" },
  fallback: (payload, error) => Weather.use((w) => w.at(payload.x + error._tag)),
  rollback: (payload, exit) => Effect.log(payload.x, exit),
  run: function*() { return "x" } as never as () => Effect.Effect<string, NotFound>
})
export const r6: Effect.Effect<string, NotFound | Task.TaskTimeout, Weather> = to({ x: "" })
const w = now.with({ timeout: 100, retry: Schedule.recurs(3) })
export const r7: Effect.Effect<number, Task.TaskTimeout> = w({})
const g = Task.make("t", {
  payload: { x: Schema.String }, success: Schema.String, error: NotFound,
  run: Effect.fnUntraced(function*({ x }: { x: string }) { yield* Weather; if (x) { return yield* new NotFound({ city: "" }) } return "a" })
})
export const r8: Effect.Effect<string, NotFound, Weather> = g({ x: "" })
const g2 = Task.make("t", {
  payload: { x: Schema.String }, success: Schema.String, error: NotFound,
  run: ({ x }) => Effect.gen(function*() { yield* Weather; if (x) { return yield* new NotFound({ city: "" }) } return "a" })
})
export const r9: Effect.Effect<string, NotFound, Weather> = g2({ x: "" })
