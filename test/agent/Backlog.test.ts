import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import type { AgentEvent } from "fluxion"
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import { Backlog, type Cursor, type Entry } from "../../src/agent/Backlog.ts"
import { isProgress } from "../../src/core/AgentEvent.ts"
import { View } from "../support/View.ts"

type Event = AgentEvent.AgentEvent

const delta = (path: string, turn: number, delta: string): Event => ({ _tag: "TextDelta", path, turn, delta })
const thought = (path: string, turn: number, delta: string): Event => ({ _tag: "ReasoningDelta", path, turn, delta })
const turn = (path: string, turn: number): Event => ({ _tag: "TurnStarted", path, turn, model: "m" })
const started = (path: string): Event => ({ _tag: "RunStarted", path })
const line = (path: string, turn: number, value: unknown): Event => ({
  _tag: "ToolProgress",
  path,
  turn,
  id: "c",
  name: "t",
  value
})
const received = (path: string, turn: number, text: string): Event => ({
  _tag: "ResponseReceived",
  path,
  turn,
  model: "m",
  finish: "stop",
  text,
  usage: { inputTokens: {}, outputTokens: {} }
})
const failed = (path: string): Event => ({
  _tag: "RunFailed",
  path,
  end: "interrupted",
  message: "m",
  usage: { inputTokens: {}, outputTokens: {} },
  messages: []
})

/** Numbers below `n`, the same for the same seed. */
const numbers = (seed: number) => {
  let state = seed | 0
  return (n: number) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}

/** An agent that may be inside another, and what it does next. */
const makeAgent = (path: string, pick: (n: number) => number) => {
  let state: "idle" | "turn" | "tools" = "idle"
  let number = 0
  let text = ""
  return (): Event => {
    if (state === "idle") {
      state = "tools"
      number = 0
      return started(path)
    }
    if (state === "tools") {
      const what = pick(4)
      if (what === 0 && number > 0) return line(path, number, pick(100))
      // now and then an attempt begins anew
      number = what === 1 && number > 0 ? 1 : number + 1
      state = "turn"
      text = ""
      return turn(path, number)
    }
    const what = pick(8)
    if (what === 0) {
      state = "tools"
      return received(path, number, text)
    }
    if (what === 2) return { _tag: "OutputPartial", path, turn: number, value: { known: pick(100) } }
    if (what === 1) return thought(path, number, `r${pick(100)}.`)
    const more = `t${pick(100)}.`
    text += more
    return delta(path, number, more)
  }
}

/** A reader, who may come back with the id of any event that it was given. */
class Reader {
  readonly view = new View()
  readonly seen: Array<Entry> = []
  readonly #backlog: Backlog
  cursor: Cursor
  last = 0
  cameBack = false
  constructor(backlog: Backlog) {
    this.#backlog = backlog
    this.cursor = backlog.cursor(undefined)
  }
  /** The next events, or a share of them; then it comes back. */
  read(share: number): ReadonlyArray<Entry> {
    const entries = this.#backlog.read(this.cursor)
    const taken = entries.slice(0, Math.ceil(entries.length * share))
    if (taken.length < entries.length) {
      this.cameBack = true
      this.cursor = this.#backlog.cursor(taken.at(-1)?.id ?? this.last)
    }
    return taken
  }
}

const play = (seed: number) => {
  const pick = numbers(seed)
  const size = 1 + pick(12)
  const backlog = new Backlog(size)
  const truth: Array<Event> = []
  const shown = new View()
  /** What is shown after each event by somebody who saw all. */
  const after: Array<ReturnType<View["all"]>> = [new Map()]
  const agents = ["editor", "editor/a", "editor/b"].map((path) => makeAgent(path, pick))
  const readers: Array<Reader> = [new Reader(backlog)]

  const push = (event: Event) => {
    backlog.push(event)
    truth.push(event)
    shown.see(event)
    after.push(shown.all())
  }
  const read = (reader: Reader, share: number) => {
    const entries = reader.read(share)
    assert.isAtMost(entries.filter(({ event }) => event._tag !== "Gap").length, size)
    for (const entry of entries) {
      const { event, id } = entry
      assert.isAbove(id, reader.last, "ids rise")
      reader.last = id
      reader.seen.push(entry)
      reader.view.see(event)
      if (event._tag !== "Gap") assert.strictEqual(event, truth[id - 1])
      if (isProgress(event)) {
        assert.deepStrictEqual(reader.view.of(event.path), after[id]!.get(event.path), `shown after ${id}`)
      }
    }
    if (reader.last === truth.length) {
      assert.deepStrictEqual(reader.view.all(), after[truth.length], "shown when all was read")
    }
  }

  for (let step = 0; step < 300; step++) {
    const what = pick(20)
    if (what < 13) push(agents[pick(step < 20 ? 1 : 3)]!())
    else if (what < 19) read(readers[pick(readers.length)]!, pick(3) === 0 ? pick(100) / 100 : 1)
    else readers.push(new Reader(backlog))
  }
  push(failed("editor"))
  for (const reader of readers) {
    while (reader.last < truth.length) read(reader, 1)
    assert.deepStrictEqual(reader.read(1), [])
    assert.deepStrictEqual(
      reader.seen.flatMap(({ event, id }) => isProgress(event) ? [] : [id]),
      truth.flatMap((event, index) => isProgress(event) ? [] : [index + 1]),
      "every durable event once and in order"
    )
    assert.strictEqual(reader.seen.at(-1)?.event._tag, "RunFailed", "the terminal event comes last")
    if (reader.cameBack) continue
    let missed = 0
    let progress = 0
    for (const { event } of reader.seen) {
      if (event._tag === "Gap") missed += event.missed
      else if (isProgress(event)) progress++
    }
    assert.strictEqual(missed + progress, truth.filter(isProgress).length, "what was missed is counted")
  }
}

describe("Backlog", () => {
  it.effect.prop(
    "any readers, as slow as they are and coming back with any id, see what a naive record of everything says",
    { seed: Schema.Int },
    ({ seed }) => Effect.sync(() => play(Math.imul(seed, 2654435761)))
  )

  const filled = (size: number, events: ReadonlyArray<Event>) => {
    const backlog = new Backlog(size)
    for (const event of events) backlog.push(event)
    return backlog
  }

  /** All that follows, batch by batch. */
  const rest = (backlog: Backlog, after: number) => {
    const cursor = backlog.cursor(after)
    const entries: Array<Entry> = []
    for (let batch = backlog.read(cursor); batch.length > 0; batch = backlog.read(cursor)) entries.push(...batch)
    return entries
  }

  it("a gap stands where the forgotten progress was, with the text up to there; what is not forgotten follows it", () => {
    const backlog = filled(3, [
      started("a"),
      turn("a", 1),
      delta("a", 1, "one "),
      thought("a", 1, "hm "),
      delta("a", 1, "two "),
      delta("a", 1, "three "),
      delta("a", 1, "four")
    ])
    assert.deepStrictEqual(rest(backlog, 2).map(({ event, id }) => [id, event]), [
      [4, { _tag: "Gap", path: "a", turn: 1, missed: 2, text: "one ", reasoning: "hm " }],
      [5, delta("a", 1, "two ")],
      [6, delta("a", 1, "three ")],
      [7, delta("a", 1, "four")]
    ])
  })

  it("who comes back with the id of a durable event in front of a gap still gets the gap", () => {
    const backlog = filled(2, [
      started("a"),
      turn("a", 1),
      delta("a", 1, "one "),
      received("a", 1, "one two"),
      line("a", 1, 50),
      line("a", 1, 100),
      turn("a", 2)
    ])
    const gap = rest(backlog, 0)[3]
    assert.deepStrictEqual(gap, {
      id: 5,
      event: { _tag: "Gap", path: "a", turn: 1, missed: 2, text: "one ", reasoning: "" }
    })
    assert.strictEqual(rest(backlog, 4)[0]!.event._tag, "Gap")
    assert.deepStrictEqual(rest(backlog, 5).map(({ id }) => id), [6, 7])
  })

  it("a gap says that progress of a turn that is over was missed, and names that turn", () => {
    const backlog = filled(2, [
      turn("a", 1),
      delta("a", 1, "done"),
      received("a", 1, "done"),
      turn("a", 2),
      delta("a", 2, "x")
    ])
    assert.deepStrictEqual(rest(backlog, 1).map(({ event }) => event._tag), [
      "Gap",
      "ResponseReceived",
      "TurnStarted",
      "TextDelta"
    ])
    const [gap] = rest(backlog, 1)
    assert.deepInclude(gap!.event, { turn: 1, text: "done" })
  })

  it("each agent that somebody missed something of has a gap of its own, and no other has one", () => {
    const backlog = filled(2, [
      turn("a", 1),
      delta("a", 1, "seen"),
      turn("a/b", 1),
      delta("a/b", 1, "missed b"),
      turn("a/c", 1),
      delta("a/c", 1, "missed c"),
      received("a/c", 1, "missed c"),
      received("a/b", 1, "missed b")
    ])
    const gaps = rest(backlog, 2).flatMap(({ event, id }) => event._tag === "Gap" ? [[id, event.path, event.text]] : [])
    assert.deepStrictEqual(gaps, [[4, "a/b", "missed b"], [6, "a/c", "missed c"]])
  })

  it("durable events without progress between them are no gap, however far behind a reader is", () => {
    const backlog = filled(2, Array.from({ length: 9 }, (_, index) => turn("a", index + 1)))
    const tags = rest(backlog, 0).map(({ event }) => event._tag)
    assert.deepStrictEqual(tags, Array.from({ length: 9 }, () => "TurnStarted"))
  })

  it("the event that ends the outermost run is the last: one of an agent inside ends nothing", () => {
    const backlog = filled(8, [started("a"), started("a/b"), failed("a/b")])
    assert.isFalse(backlog.ended)
    backlog.push(failed("a"))
    assert.isTrue(backlog.ended)
    backlog.push(line("a", 1, "too late"))
    assert.deepStrictEqual(rest(backlog, 2).map(({ event }) => event._tag), ["RunFailed", "RunFailed"])
  })

  it("an id that was never given out begins at the start", () => {
    const backlog = filled(8, [started("a"), turn("a", 1)])
    const cursors = [undefined, -1, 0, 3, Number.NaN, Number.POSITIVE_INFINITY, 1, 2].map((id) => backlog.cursor(id).id)
    assert.deepStrictEqual(cursors, [0, 0, 0, 0, 0, 0, 1, 2])
  })

  it("progress is let go of: of a long run, no more events are held than the ring has", () => {
    V8.setFlagsFromString("--expose-gc")
    const collectGarbage = Vm.runInNewContext("gc") as () => void
    const backlog = new Backlog(64)
    backlog.push(turn("a", 1))
    const events: Array<WeakRef<Event>> = []
    for (let i = 0; i < 20_000; i++) {
      const event = i % 2 === 0 ? delta("a", 1, "x") : line("a", 1, { row: i })
      events.push(new WeakRef(event))
      backlog.push(event)
    }
    return new Promise((resolve) => setImmediate(resolve)).then(() => {
      collectGarbage()
      const held = events.filter((event) => event.deref() !== undefined).length
      assert.isAtMost(held, 64)
      assert.strictEqual(rest(backlog, 0).length, 66) // the durable event and a gap in front of the ring
    })
  })
})
