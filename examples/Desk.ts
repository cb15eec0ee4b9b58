/**
 * The desk of a small shop: an agent that finds orders and refunds them, tells the time, and keeps notes.
 *
 * `refund_order` is what nobody wants done twice. It gives the bank its idempotency key, and the bank pays once for each
 * key, however often it is asked.
 */
import { Context, type Duration, Effect, Layer, Schema } from "effect"
import { Agent, Task } from "fluxion"
import * as Ledger from "./Ledger.ts"
import { localTime } from "./LocalTime.ts"
import { addNote, listNotes } from "./Notes.ts"

const orders = [
  { order: "A-17", customer: "Ada", item: "lamp", euros: 40 },
  { order: "A-18", customer: "Ada", item: "shade", euros: 25 },
  { order: "K-3", customer: "Kenji", item: "table", euros: 190 }
]

export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", { what: Schema.String }) {
  override get message(): string {
    return `there is no ${this.what}; the customers are Ada and Kenji`
  }
}

export class Bank extends Context.Service<Bank, {
  /** Pays an order's money back, once for each key. */
  readonly refund: (order: string, key: string) => Effect.Effect<void>
}>()("examples/Bank") {
  /** A bank that writes what it is asked into a file, and then takes its time. */
  static readonly layer = (ledger: string, takes: Duration.Input = "200 millis"): Layer.Layer<Bank> =>
    Layer.succeed(Bank, {
      refund: (_, key) => Effect.andThen(Effect.sync(() => Ledger.append(ledger, "refund", key)), Effect.sleep(takes))
    })
}

const findOrders = Task.make("find_orders", {
  description: "Finds the orders of a customer.",
  payload: { customer: Schema.String },
  success: Schema.Array(Schema.Struct({ order: Schema.String, item: Schema.String, euros: Schema.Finite })),
  error: NotFound,
  risk: "read",
  run: ({ customer }) => {
    const found = orders.filter((order) => order.customer.toLowerCase() === customer.toLowerCase())
    if (found.length === 0) return Effect.fail(new NotFound({ what: `customer ${customer}` }))
    return Effect.succeed(found.map(({ euros, item, order }) => ({ order, item, euros })))
  }
})

const refundOrder = Task.make("refund_order", {
  description: "Pays the money for an order back.",
  payload: { order: Schema.String.annotate({ description: `The order's number, as in "A-17".` }) },
  success: Schema.Struct({ order: Schema.String, euros: Schema.Finite }),
  error: NotFound,
  risk: "write",
  run: ({ order }, { idempotencyKey }) => {
    const found = orders.find((each) => each.order === order)
    if (found === undefined) return Effect.fail(new NotFound({ what: `order ${order}` }))
    return Bank.use((bank) => Effect.as(bank.refund(order, idempotencyKey), { order, euros: found.euros }))
  }
})

/** What the desk answers: words, and the refunds as data. */
export const Answer = Schema.Struct({
  reply: Schema.String.annotate({ description: "The answer in words, in one line." }),
  refunds: Schema.Array(Schema.Struct({ order: Schema.String, euros: Schema.Finite })).annotate({
    description: "The refunds that were made for this question."
  })
})

export const desk = Agent.make("desk", {
  instructions:
    "You are the desk of a shop. Use the tools; never guess an order or a time. Answer briefly, in plain text.",
  tools: [findOrders, refundOrder, localTime, addNote, listNotes],
  output: Answer,
  // who waits at a terminal is told at once that nobody answers, or that the key is wrong
  modelRetry: {
    times: 2,
    while: ({ reason }) => reason._tag === "RateLimitError" || reason._tag === "InternalProviderError"
  }
})

/** A question that takes six steps: three model calls, one tool that reads, and two that pay. */
export const question = "Find Ada's orders, then refund A-17 and A-18."
