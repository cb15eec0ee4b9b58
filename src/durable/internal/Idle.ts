/**
 * A scheduler that knows when the fibers on it have nothing left to do but wait.
 *
 * It hands every task on to another scheduler and counts them. Between two answers an execution's code runs until it is
 * idle: what it asks for next, and in which order, then depends on the answers alone, on how fast nothing.
 */
import type * as Fiber from "effect/Fiber"
import type { Scheduler, SchedulerDispatcher } from "effect/Scheduler"

/** Counts what is scheduled on another scheduler. */
export class Idle implements Scheduler {
  readonly executionMode: "sync" | "async"
  /** Called when the last scheduled task is over. */
  onIdle: () => void = () => {}
  readonly #scheduler: Scheduler
  #pending = 0
  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
    this.executionMode = scheduler.executionMode
  }
  /** Whether nothing is scheduled. Asked in a microtask, nothing runs either. */
  get isIdle(): boolean {
    return this.#pending === 0
  }
  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    return this.#scheduler.shouldYield(fiber)
  }
  makeDispatcher(): SchedulerDispatcher {
    const dispatcher = this.#scheduler.makeDispatcher()
    return {
      scheduleTask: (task, priority) => {
        this.#pending++
        dispatcher.scheduleTask(() => {
          try {
            task()
          } finally {
            if (--this.#pending === 0) this.onIdle()
          }
        }, priority)
      },
      flush: () => dispatcher.flush()
    }
  }
}
