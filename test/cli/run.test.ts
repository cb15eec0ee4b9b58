/**
 * `fluxion run` and `resume-open`, as real processes: what is printed where, and with which code they end.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cli from "../support/Cli.ts"

const folder = Cli.folders()

describe.concurrent("fluxion run", { timeout: 90_000 }, () => {
  it("prints the id first, then what happens, and the result alone on standard output", async () => {
    const { run } = folder()
    const ended = await run(["run", Cli.program("desk"), "assistant", "Is it warm in Rome?"])
    assert.strictEqual(ended.code, 0, ended.stderr)
    assert.strictEqual(ended.stdout, "It is warm in Rome.\n")
    assert.match(ended.stderr, /^execution \S+\n/)
    assert.include(ended.stderr, `look {"place":"Rome"}`)
    assert.include(ended.stderr, `look ✓ {"celsius":21}`)
    assert.notInclude(ended.stderr, "\u001b", "colours are for terminals")
  })

  it("prints JSON, one value a line, with --json", async () => {
    const { run } = folder()
    const ended = await run(["run", Cli.program("desk"), "steps", `{"millis":1}`, "--json"])
    const lines = Cli.json(ended)
    assert.strictEqual(ended.code, 0, ended.stderr)
    assert.strictEqual(typeof lines[0].execution, "string")
    const sequences = lines.flatMap((line) => "sequence" in line ? [line.sequence] : [])
    assert.deepStrictEqual(sequences, sequences.map((_, index) => index))
    assert.deepStrictEqual(lines.at(-1), {
      execution: lines[0].execution,
      state: "completed",
      result: { first: 21, done: true }
    })
  })

  it("reads its input from standard input when that is asked for", async () => {
    const { run } = folder()
    const ended = await run(["run", Cli.program("desk"), "steps", "-"], { input: `{"millis":1}` })
    assert.deepStrictEqual(JSON.parse(ended.stdout), { first: 21, done: true })
  })

  it("goes on with an execution that is there already under its id, and does nothing twice", async () => {
    const { run, written } = folder()
    const args = ["run", Cli.program("desk"), "steps", `{"millis":1}`, "--id", "mine"]
    await run(args)
    const again = await run(args)
    assert.strictEqual(again.code, 0, again.stderr)
    assert.deepStrictEqual(written(), ["look first", "wait 1", "look second"])
  })

  it("ends with code 1 and the error's own words when the execution fails, and says how to retry it", async () => {
    const { run } = folder()
    const ended = await run(["run", Cli.program("desk"), "order", `{"item":"lamp"}`])
    assert.strictEqual(ended.code, 1)
    assert.strictEqual(ended.stdout, "")
    assert.include(ended.stderr, "failed: no lamp is left")
    assert.include(ended.stderr, `fluxion executions retry ${Cli.idOf(ended)}`)
  })

  it("names each field of an input that does not fit, and starts nothing", async () => {
    const { run } = folder()
    const ended = await run(["run", Cli.program("desk"), "article", `{"topic":7,"words":1.5}`])
    assert.strictEqual(ended.code, 2)
    assert.include(ended.stderr, `at ["topic"]`)
    assert.include(ended.stderr, `at ["words"]`)
    assert.notInclude(ended.stderr, "execution ")
    const noJson = await run(["run", Cli.program("desk"), "article", `{"topic":`])
    assert.strictEqual(noJson.code, 2)
    assert.include(noJson.stderr, "it is no JSON")
  })

  it("asks which one is meant, and names those that there are", async () => {
    const { run } = folder()
    const several = await run(["run", Cli.program("desk")])
    assert.strictEqual(several.code, 2)
    assert.include(several.stderr, "has several; say which: article, issue, order, steps, stubborn, assistant")
    const unknown = await run(["run", Cli.program("desk"), "nobody"])
    assert.strictEqual(unknown.code, 2)
    assert.include(unknown.stderr, `there is no "nobody"`)
    const silent = await run(["run", Cli.program("desk"), "assistant"])
    assert.include(silent.stderr, "say what it is to do")
  })

  it("names a service and a model that are missing, with the line that gives them", async () => {
    const { run } = folder()
    const service = await run(["run", Cli.program("needy"), "pay"])
    assert.strictEqual(service.code, 1)
    assert.include(
      service.stderr,
      "the service shop/Bank is missing: give its Layer in `export const config = Fluxion.config({ layer })`"
    )
    const model = await run(["run", Cli.program("needy"), "assistant", "hi"])
    assert.include(model.stderr, "no model is given: name one with --model provider/name")
    const wrong = await run(["run", Cli.program("needy"), "assistant", "hi", "--model", "nobody/x"])
    assert.include(wrong.stderr, `there is no provider "nobody"`)
  })

  it("leaves an execution in the background that is watched from elsewhere", async () => {
    const { run, written } = folder()
    const ended = await run(["run", Cli.program("desk"), "steps", `{"millis":300}`, "--detach"])
    const id = ended.stdout.trim()
    assert.match(id, /^\S+$/)
    const followed = await run(["executions", "events", id, "--follow"])
    assert.include(followed.stdout, `ended ✓ {"first":21,"done":true}`)
    assert.deepStrictEqual(written(), ["look first", "wait 300", "look second"])
  })
})

describe.concurrent("fluxion resume-open", { timeout: 90_000 }, () => {
  it("takes up what is open and ends when nothing is; paused ones are named with their answer's command", async () => {
    const { run } = folder()
    const paused = Cli.idOf(await run(["run", Cli.program("desk"), "article", `{"topic":"bees"}`]))
    const still = await run(["resume-open", Cli.program("desk")])
    assert.strictEqual(still.code, 3)
    assert.include(still.stdout, `${paused}  article@1  paused`)
    assert.include(still.stderr, `fluxion executions resume ${paused} '{"approved":true,"by":"…"}' --pause review`)
    const answer = `{"approved":true,"by":"2026-01-02T00:00:00.000Z"}`
    assert.strictEqual((await run(["executions", "resume", paused, answer])).code, 0)
    const done = await run(["resume-open", Cli.program("desk")])
    assert.strictEqual(done.code, 0, done.stderr)
    assert.include(done.stdout, `${paused}  article@1  completed  bees, 2026`)
    const nothing = await run(["resume-open", Cli.program("desk")])
    assert.strictEqual(nothing.code, 0)
    assert.include(nothing.stderr, "nothing is open")
  })

  it("refuses one name in two files", async () => {
    const { run } = folder()
    const ended = await run(["resume-open", Cli.program("desk"), Cli.program("needy")])
    assert.strictEqual(ended.code, 2)
    assert.match(ended.stderr, /"assistant", version 1, is there in \S*desk\.ts and in \S*needy\.ts: rename one/)
  })
})

describe.concurrent("fluxion chat", { timeout: 90_000 }, () => {
  it("still knows tomorrow what was said", async () => {
    const { run } = folder()
    const first = await run(["chat", Cli.program("desk"), "--conversation", "rome"], {
      input: "Is it warm in Rome?\n\nStill?\n",
      env: { QUESTIONS: "2" }
    })
    assert.strictEqual(first.code, 0, first.stderr)
    assert.strictEqual(first.stdout, "It is warm in Rome.\nAs warm as before.\n")
    assert.include(first.stderr, "assistant, conversation rome\n")
    const tomorrow = await run(["chat", Cli.program("desk"), "--conversation", "rome"])
    assert.include(tomorrow.stderr, "conversation rome, 6 messages so far")
    const other = await run(["chat", Cli.program("desk"), "--conversation", "paris"])
    assert.notInclude(other.stderr, "so far")
  })

  it("is refused with a file that has no agent", async () => {
    const { run } = folder()
    const ended = await run(["chat", Cli.program("letter")])
    assert.strictEqual(ended.code, 2)
    assert.include(ended.stderr, "exports no agent")
  })
})
