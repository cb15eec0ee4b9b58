/**
 * An agent without a model, and a workflow whose service nobody gives.
 */
import { Context } from "effect"
import { Agent, Effect, Schema, Workflow } from "fluxion"

class Bank extends Context.Service<Bank, { readonly balance: number }>()("shop/Bank") {}

export const assistant = Agent.make("assistant", { instructions: "You help." })

export const pay = Workflow.make("pay", {
  payload: {},
  success: Schema.Number,
  run: () => Effect.map(Bank, ({ balance }) => balance)
})
