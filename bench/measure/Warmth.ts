/**
 * Says when a contender is warm: when its best time has not got better by a twentieth for a whole period of its own CPU
 * time. By the clock on the wall a process that shares its cores would be measured before its compilers are done.
 */
export class Warmth {
  readonly #period: number
  /** The best time of one run, and how much CPU time it has stood for. */
  #best = Number.POSITIVE_INFINITY
  #since = 0
  #spent = 0

  /** `period` is in milliseconds of CPU time. */
  constructor(period: number) {
    this.#period = period * 1000
  }

  /** Takes a batch: the microseconds that it and each of its runs took. Some never settle: they get ten periods. */
  isDone(batch: number, each: number): boolean {
    this.#spent += batch
    this.#since += batch
    if (each < this.#best * 0.95) {
      this.#best = each
      this.#since = 0
    }
    return this.#since >= this.#period || this.#spent >= this.#period * 10
  }
}
