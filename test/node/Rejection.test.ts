import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Schema } from "effect"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { inspect } from "node:util"
import { root } from "../../.ci/Command.ts"
import * as Rejection from "../../src/node/internal/Rejection.ts"

const own = (file: string) => `    at own (${pathToFileURL(join(root, "src", file)).href}:1:2)`
const users = (file: string) => `    at users (file:///app/${file}:1:2)`
const effects = "    at FiberImpl.runLoop (file:///app/node_modules/effect/dist/internal/effect.js:476:97)"
const builtIn = "    at Array.map (<anonymous>)"
const nodes = "    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)"

const stack = (...lines: ReadonlyArray<string>) => lines.join("\n")

describe("readableStack", () => {
  const typed = { isBug: false, caller: undefined }

  it("keeps the message and the reader's own frames, in their order", () => {
    const text = stack("Error: a", "b", users("a.ts"), effects, builtIn, own("agent/Agent.ts"), nodes, users("b.ts"))
    assert.strictEqual(Rejection.readableStack(text, typed), stack("Error: a", "b", users("a.ts"), users("b.ts")))
  })

  it("is the message alone when there is no such frame", () => {
    assert.strictEqual(Rejection.readableStack(stack("Error: a", effects, own("a.ts")), typed), "Error: a")
    assert.strictEqual(Rejection.readableStack("Error: a", typed), "Error: a")
    assert.strictEqual(Rejection.readableStack("", typed), "")
  })

  it("goes on with the frames of who asked, without those that are there", () => {
    const caller = stack("Error", users("main.ts"), "    at async run (file:///app/main.ts:9:9)", nodes)
    assert.strictEqual(
      Rejection.readableStack(stack("Error: a", users("task.ts"), users("main.ts")), { isBug: false, caller }),
      stack("Error: a", users("task.ts"), users("main.ts"), "    at async run (file:///app/main.ts:9:9)")
    )
  })

  it("knows its own frames in every form, and no folder that only ends like one", () => {
    const forms = [
      `    at async own (${pathToFileURL(join(root, "dist", "a.js")).href}:1:2)`,
      `    at ${join(root, "src", "node", "a.ts")}:1:2`,
      `    at async ${pathToFileURL(join(root, "src", "a.ts")).href}:1:2`
    ]
    assert.strictEqual(Rejection.readableStack(stack("E", ...forms), typed), "E")
    const others = [users("src/a.ts"), users("dist/a.ts"), "    at /app/src/a.ts:1:2", users("effect/a.ts")]
    assert.strictEqual(Rejection.readableStack(stack("E", ...others), typed), stack("E", ...others))
  })

  it("of a bug in this package says where it is", () => {
    const text = stack("TypeError: x", own("agent/Agent.ts"), effects, own("node/Fluxion.ts"), users("a.ts"))
    assert.strictEqual(
      Rejection.readableStack(text, { isBug: true, caller: undefined }),
      stack("TypeError: x", own("agent/Agent.ts"), own("node/Fluxion.ts"), users("a.ts"))
    )
    const mine = stack("TypeError: x", users("a.ts"), own("agent/Agent.ts"))
    assert.strictEqual(
      Rejection.readableStack(mine, { isBug: true, caller: undefined }),
      stack("TypeError: x", users("a.ts"))
    )
  })
})

describe("a rejection", () => {
  class Refused extends Schema.TaggedError<Refused>()("Refused", { by: Schema.String, cause: Schema.Defect() }) {
    override get message() {
      return `refused by ${this.by}`
    }
  }
  const never = () => assert.fail("it was not interrupted")
  const callsHere = () => Rejection.capture(callsHere)
  const of = (exit: Exit.Exit<unknown, unknown>) =>
    Rejection.of(Exit.isFailure(exit) ? exit.cause : Cause.empty, callsHere(), never) as any

  it("is printed with message, stack and causes, and stays the same object with the same fields", async () => {
    const error = new Refused({ by: "Ada", cause: new TypeError("why") })
    const before = JSON.stringify(error)
    const rejection = of(await Effect.runPromiseExit(Effect.fail(error)))
    assert.strictEqual(rejection, error)
    assert.strictEqual(JSON.stringify(rejection), before)
    const printed = inspect(rejection)
    assert.match(printed, /^Refused: refused by Ada\n {4}at /)
    assert.match(printed, /by: 'Ada'/)
    assert.match(printed, /\[?cause\]?: TypeError: why/)
    assert.notMatch(printed, /node_modules\/effect|\(node:|src\/node/)
    const again = rejection.stack
    assert.strictEqual(of(Exit.fail(rejection)).stack, again)
  })

  it("shows what is its cause too only once, and nothing that is Effect's own mark", () => {
    const reason = new Error("the reason")
    const error = Object.assign(new Error("failed", { cause: reason }), { reason, "~effect/Some": 1, more: 2 })
    const printed = inspect(of(Exit.fail(error)))
    assert.strictEqual(printed.split("the reason").length, 2)
    assert.notInclude(printed, "~effect")
    assert.include(printed, "more: 2")
    assert.strictEqual(error.reason, reason)
  })

  it("may be frozen, without a stack, or a circle", () => {
    const frozen = Object.freeze(new Error("frozen"))
    assert.strictEqual(of(Exit.fail(frozen)), frozen)
    const bare = new Error("bare")
    delete bare.stack
    assert.strictEqual(of(Exit.die(bare)), bare)
    const circle: Error & { self?: Error } = new Error("circle")
    circle.cause = circle
    circle.self = circle
    assert.strictEqual(of(Exit.die(circle)), circle)
    for (const value of ["a text", 0, null, undefined, { plain: true }]) assert.strictEqual(of(Exit.fail(value)), value)
  })

  it("is the failure before a defect, and a defect before an interrupt", () => {
    const [fail, die, interrupt] = [Cause.fail("f"), Cause.die("d"), Cause.interrupt()]
    const squash = (...causes: ReadonlyArray<Cause.Cause<unknown>>) =>
      Rejection.of(Cause.fromReasons(causes.flatMap(({ reasons }) => reasons)), {}, () => "i")
    assert.strictEqual(squash(interrupt, die, fail), "f")
    assert.strictEqual(squash(interrupt, die), "d")
    assert.strictEqual(squash(interrupt), "i")
  })
})
