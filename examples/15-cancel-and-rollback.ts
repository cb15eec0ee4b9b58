/**
 * Cancelling an execution, and undoing what it did: the last step first, each once, also over restarts.
 *
 *   npm run example 15
 */
import { Exit, Layer } from "effect"
import { Effect, Engine, Execution, Pause, Schema, Task, Workflow } from "fluxion"

const book = (what: string) =>
  Task.make(`book_${what}`, {
    payload: { city: Schema.String },
    success: Schema.String,
    run: ({ city }) => {
      console.log(`book ${what} to ${city}`)
      return `${what}-17`
    },
    // given what the step came to: nothing was booked when it failed
    rollback: (_, exit) => {
      if (Exit.isSuccess(exit)) console.log(`cancel ${exit.value}`)
    }
  })
const bookFlight = book("flight")
const bookHotel = book("hotel")
const pay = Pause.make("pay", { input: Schema.Struct({ card: Schema.String }) })

const trip = Workflow.make("trip", {
  payload: { city: Schema.String },
  success: Schema.String,
  run: ({ city }) =>
    Effect.gen(function*() {
      const flight = yield* bookFlight({ city })
      const hotel = yield* bookHotel({ city })
      yield* pay(undefined)
      return `${flight}, ${hotel}`
    })
})

await Effect.runPromise(
  Effect.gen(function*() {
    const id = yield* trip.start({ city: "Rome" })
    yield* Execution.settled(id)

    yield* Execution.cancel(id) // at its next step; `{ hard: true }` interrupts what runs
    const error = yield* Effect.flip(trip.result(id))
    console.log(error._tag, (yield* Execution.get(id)).state)
  }).pipe(Effect.provide(Layer.provideMerge(trip.layer, Engine.layerMemory)))
)
