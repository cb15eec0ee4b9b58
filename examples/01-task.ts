/**
 * A task: a named, typed unit of work. It is called like a function and gives an Effect.
 *
 *   npm run example 01
 */
import { Console, Effect, Schedule, Schema } from "effect"
import { Task } from "fluxion"

class OutOfStock extends Schema.TaggedError<OutOfStock>()("OutOfStock", { item: Schema.String }) {}

let calls = 0

const reserve = Task.make("reserve", {
  description: "Reserves an item in the warehouse.",
  payload: { item: Schema.String, count: Schema.Int },
  success: Schema.Struct({ reservation: Schema.String }),
  error: OutOfStock, // a typed failure that is not declared here does not compile
  run: Effect.fnUntraced(function*({ count, item }, { attempt }) {
    calls++
    yield* Console.log(`attempt ${attempt}: reserve ${count} × ${item}`)
    if (calls < 3) return yield* new OutOfStock({ item })
    return { reservation: `${item}-${count}` }
  }),
  retry: { times: 3, schedule: Schedule.spaced("10 millis") }, // 3 further attempts
  timeout: "1 second" // for each attempt
})

// `run` may return a Promise or a value as well; then the type of the result is inferred
const price = Task.make("price", {
  payload: { item: Schema.String },
  run: async ({ item }) => ({ item, cents: item.length * 100 })
})

const program = Effect.gen(function*() {
  yield* Console.log(yield* reserve({ item: "lamp", count: 2 }))
  yield* Console.log(yield* Task.map(price, [{ item: "lamp" }, { item: "table" }]))
  // a copy with other options
  const impatient = reserve.with({ retry: { times: 0 }, fallback: () => ({ reservation: "none" }) })
  calls = 0
  yield* Console.log(yield* impatient({ item: "chair", count: 1 }))
})

await Effect.runPromise(program)
