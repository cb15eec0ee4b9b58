/**
 * Programs with a Fluxion in a process of their own: what keeps them alive, and what they print when they fail.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { root } from "../../.ci/Command.ts"
import * as LiveVendor from "../support/LiveVendor.ts"

let folder: string
beforeAll(() => {
  mkdirSync(join(root, ".tmp"), { recursive: true })
  folder = mkdtempSync(join(root, ".tmp", "node-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Outcome {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

interface Options {
  readonly env?: { readonly [name: string]: string }
  readonly flags?: ReadonlyArray<string>
  /** Called with what was printed so far, whenever more is. */
  readonly onOutput?: (stdout: string, child: ChildProcess) => void
}

let programs = 0

/** Runs a program until it ends by itself. Nobody helps it: one that is kept alive runs into the test's time limit. */
const run = (program: string, { env = {}, flags = [], onOutput }: Options = {}): Promise<Outcome> =>
  new Promise((resolve) => {
    const file = join(folder, `program${++programs}.mjs`)
    writeFileSync(file, `${imports}${program}`)
    const clean: { [name: string]: string | undefined } = { ...process.env, NO_COLOR: "1", ...env }
    for (const name of ["OPENAI_API_KEY", "FORCE_COLOR", "NODE_OPTIONS"]) if (!(name in env)) delete clean[name]
    const child = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", "--conditions=fluxion-source", ...flags, file],
      { cwd: folder, env: clean }
    )
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk) => {
      stdout += chunk
      onOutput?.(stdout, child)
    })
    child.stderr.on("data", (chunk) => stderr += chunk)
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr: stderr.replaceAll(folder, "/app") }))
  })

const imports = `import { agent, Agent, AgentError, Effect, Schema, Task } from "fluxion"
import { Fluxion } from "fluxion/node"
import { TestModel } from "fluxion/testing"
`
// where a program's own lines begin
const first = imports.split("\n").length

describe.concurrent("a process with a Fluxion", { timeout: 60_000 }, () => {
  it("ends by itself when nothing runs: before the first run, and after it", async () => {
    const idle = await run(`Fluxion.make({ model: "openai/gpt-5" }); console.log("made")`)
    assert.deepStrictEqual(idle, { code: 0, signal: null, stdout: "made\n", stderr: "" })
    const script = `TestModel.layer([TestModel.text("Paris."), TestModel.stream(["Lima.", Effect.never])])`
    const ran = await run(`const fluxion = Fluxion.make({ model: ${script} })
const assistant = agent("i")
console.log(await fluxion.run(assistant("x")))
for await (const event of fluxion.stream(assistant.stream("x"))) if (event._tag === "TextDelta") break`)
    assert.deepStrictEqual(ran, { code: 0, signal: null, stdout: "Paris.\n", stderr: "" })
  })

  it.live("ends by itself after a run over a real connection, which the vendor keeps open", () =>
    Effect.gen(function*() {
      const wire = LiveVendor.wires[0]!
      const vendor = yield* LiveVendor.make(wire.contentType, (exchange) => LiveVendor.say(wire, exchange, ["Paris."]))
      const program = `const fluxion = Fluxion.make({ model: "openai/gpt-5" })
console.log(await fluxion.run(agent("x")("The capital of France?")))`
      const env = { OPENAI_API_KEY: "sk-test-123456", OPENAI_BASE_URL: `${vendor.url}/v1` }
      const outcome = yield* Effect.promise(() => run(program, { env }))
      assert.deepStrictEqual(outcome, { code: 0, signal: null, stdout: "Paris.\n", stderr: "" })
    }))

  it("is held by what a run waits for, and by nothing else", async () => {
    const sleeping = await run(`Fluxion.make().run(Effect.sleep(20)).then(() => console.log("done"))`)
    assert.deepStrictEqual([sleeping.code, sleeping.stdout], [0, "done\n"])
    const waiting = await run(`Fluxion.make().run(Effect.never).then(() => console.log("done"))`)
    assert.deepStrictEqual([waiting.code, waiting.stdout], [0, ""])
  })

  it("is ended by a signal as if there were none, and cleans up when it is wired to do so", async () => {
    const hanging =
      `const hang = Effect.onInterrupt(Effect.andThen(Effect.sync(() => console.log("runs")), Effect.sleep(60_000)),
  () => Effect.sync(() => console.log("cleaned up")))
`
    const onOutput = (stdout: string, child: ChildProcess) => {
      if (stdout === "runs\n") child.kill("SIGTERM")
    }
    const bare = await run(`${hanging}await Fluxion.make().run(hang)`, { onOutput })
    assert.deepStrictEqual([bare.signal, bare.stdout], ["SIGTERM", "runs\n"])
    const wired = await run(
      `${hanging}const fluxion = Fluxion.make()
process.once("SIGTERM", () => fluxion.dispose())
await fluxion.run(hang).catch((error) => console.log(error.name))`,
      { onOutput }
    )
    assert.deepStrictEqual([wired.code, wired.stdout], [0, "runs\ncleaned up\nAbortError\n"])
  })

  it.runIf(Number(process.versions.node.split(".")[0]) >= 24)("is disposed by `await using`", async () => {
    const { code, stdout } = await run(`import { Layer } from "effect"
const layer = Layer.effectDiscard(Effect.addFinalizer(() => Effect.sync(() => console.log("closed"))))
{
  await using fluxion = Fluxion.make({ layer })
  console.log(await fluxion.run(Effect.succeed("ran")))
}
console.log("after it")`)
    assert.deepStrictEqual([code, stdout], [0, "ran\nclosed\nafter it\n"])
  })
})

describe.concurrent("what a process prints", { timeout: 60_000 }, () => {
  const failing = `import { AiError } from "effect/ai"
const refusing = TestModel.layer([TestModel.fail(new AiError.AuthenticationError({ kind: "InvalidKey" }))])
const fluxion = Fluxion.make({ model: refusing })
const book = Task.make("book", { payload: {}, run: async () => { throw new RangeError("no seats") } })
const bug = Task.make("bug", { payload: {}, success: Schema.String, run: () => { throw new RangeError("a bug") } })
`
  const line = first + failing.split("\n").length - 1
  const noise = /node_modules\/effect|FiberImpl|~effect|\/src\/(agent|durable|node)|node:internal\/process/

  it("of an error that was caught and logged is its name, message, place and cause", async () => {
    const { stderr } = await run(`${failing}for (const run of [agent("x")("my question"), book({}), bug({})]) {
  await fluxion.run(run).catch(console.error)
}`)
    const place = /file:\/\/\/app\/program\d+\.mjs:(\d+):\d+/g
    assert.deepStrictEqual(stderr.replace(place, "line $1").split("\n"), [
      "AgentError: agent agent: the call to model test/test failed: InvalidKey: Verify your API key is correct",
      `    at line ${line + 1}`,
      "  reason: ModelFailed, messages so far: 1",
      "TaskFailed: task book failed: no seats",
      `    at line ${line + 1} {`,
      "  _tag: 'TaskFailed',",
      "  task: 'book',",
      "  [cause]: RangeError: no seats",
      `      at run (line ${line - 2})`,
      "}",
      "RangeError: a bug",
      `    at run (line ${line - 1})`,
      `    at line ${line + 1}`,
      ""
    ])
  })

  it("of an error that nobody caught is that too, and nothing of what was said in the run", async () => {
    const { code, stderr } = await run(`${failing}await fluxion.run(agent("x")("my private question"))`)
    assert.strictEqual(code, 1)
    assert.match(
      stderr,
      /^AgentError: agent agent: the call to model test\/test failed: InvalidKey: [^\n]*\n {4}at file:\/\/\/app\/program\d+\.mjs:\d+:15 \{$/m
    )
    assert.notInclude(stderr, "private")
    assert.notMatch(stderr, noise)
    assert.isBelow(stderr.split("\n").length, 35, stderr)
  })

  it("of a log is on standard error, one line each, and none for a reader who left", async () => {
    const { stderr, stdout } = await run(`const cut = TestModel.text("x", { finish: "length" })
const fluxion = Fluxion.make({ model: TestModel.layer([TestModel.stream(["x", Effect.never]), cut]) })
const careful = Effect.annotateLogs(Effect.logWarning("careful"), { b: 2 })
await fluxion.run(Effect.andThen(Effect.log("hello", { a: 1 }), careful))
for await (const event of fluxion.stream(agent("x").stream("y"))) if (event._tag === "TextDelta") break
await fluxion.run(Agent.make("a", { instructions: "i" })("x"))`)
    assert.strictEqual(stdout, "")
    assert.deepStrictEqual(stderr.split("\n"), [
      "[INFO] hello { a: 1 }",
      "[WARN] careful { b: 2 }",
      "[WARN] agent a: an answer was cut at maxTokens (4096); raise it",
      ""
    ])
  })

  it("when there are two copies of Effect names them, once", async () => {
    const hooks = `
import { registerHooks } from "node:module"
registerHooks({
  resolve: (specifier, context, next) => {
    const second = specifier.endsWith("#second")
    const resolved = next(second ? specifier.slice(0, -7) : specifier, context)
    const isEffect = resolved.url.includes("/node_modules/effect/")
    return second || (isEffect && context.parentURL?.endsWith("?second") === true)
      ? { ...resolved, url: \`\${resolved.url}?second\` }
      : resolved
  }
})
const Other = await import("effect/Effect#second")
const fluxion = Fluxion.make()
`
    const { stderr, stdout } = await run(`${hooks}
console.log(await fluxion.run(Effect.succeed(1)), Other.succeed !== Effect.succeed)
console.log(await fluxion.run(Other.succeed(2)), await fluxion.run(Other.succeed(3)))`)
    assert.strictEqual(stdout, "1 true\n2 3\n")
    assert.match(stderr, /^\[WARN\] two copies of Effect are installed: .*npm ls effect.*\n$/)
  })
})
