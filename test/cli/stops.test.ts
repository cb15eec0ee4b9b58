/**
 * How commands end before they are done: by a signal, a reader who has gone, a terminal, a database that goes away.
 */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { root } from "../../.ci/Command.ts"
import * as Cli from "../support/Cli.ts"
import * as PostgresServer from "../support/PostgresServer.ts"

const folder = Cli.folders()

describe.concurrent("a command that is stopped", { timeout: 90_000 }, () => {
  it("leaves an execution that goes on, and says how; the second Ctrl-C ends it at once", async () => {
    const { run, start } = folder()
    const first = start(["run", Cli.program("desk"), "steps", `{"millis":60000}`])
    await first.said("wait {")
    first.child.kill("SIGINT")
    const ended = await first.ended
    assert.strictEqual(ended.code, 130)
    assert.include(
      ended.stderr,
      `interrupted; execution ${Cli.idOf(ended)} goes on with: fluxion resume-open ${Cli.program("desk")}`
    )
    const stubborn = start(["run", Cli.program("desk"), "stubborn"])
    await stubborn.said("holding")
    stubborn.child.kill("SIGINT")
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.isNull(stubborn.child.exitCode, "its clean-up is waited for")
    stubborn.child.kill("SIGINT")
    assert.strictEqual((await stubborn.ended).code, 130)
    const list = Cli.json(await run(["executions", "list", "--json"]))[0]
    assert.isTrue(list.executions.every(({ state }: { state: string }) => state === "queued" || state === "running"))
  })

  it("ends in order when it is told to, or its terminal is gone", async () => {
    for (const signal of ["SIGTERM", "SIGHUP"] as const) {
      const { start, written } = folder()
      const running = start(["run", Cli.program("desk"), "steps", `{"millis":60000}`])
      await running.said("wait {")
      running.child.kill(signal)
      assert.strictEqual((await running.ended).code, 143)
      assert.deepStrictEqual(written(), ["look first", "wait 60000", "wait was aborted"])
    }
  })

  it("ends without a word when whoever reads it has gone", async () => {
    const { run, start } = folder()
    for (let i = 0; i < 3; i++) await run(["run", Cli.program("desk"), "steps", `{"millis":1}`])
    const listing = start(["executions", "list"])
    listing.child.stdout?.destroy()
    const ended = await listing.ended
    assert.strictEqual(ended.code, 141)
    assert.strictEqual(ended.stderr, "")
  })
})

// util-linux has it on nearly every machine
const script = ["/usr/bin/script", "/bin/script"].find((path) => existsSync(path))

describe("on a terminal", { timeout: 90_000 }, () => {
  it.skipIf(script === undefined)(
    "text comes as it is written, in colours, and the result is not said twice",
    async () => {
      const { path } = folder()
      const command = [
        process.execPath,
        "--conditions=fluxion-source",
        join(root, "src", "cli", "bin.ts"),
        "run",
        Cli.program("desk"),
        "assistant",
        "Warm?"
      ].map((word) => `'${word}'`).join(" ")
      const output = await new Promise<string>((resolve) => {
        const child = spawn(script!, ["-qec", command, "/dev/null"], {
          cwd: path,
          env: { PATH: process.env["PATH"], HOME: path, TERM: "xterm" },
          stdio: ["ignore", "pipe", "pipe"]
        })
        let text = ""
        child.stdout.on("data", (data) => (text += data))
        child.once("close", () => resolve(text))
      })
      assert.include(output, "\u001b[2m", "what happens meanwhile is dim")
      const shown = output.replaceAll("\r\u001b[K", "").split("\n").filter((line) =>
        line.trim() === "It is warm in Rome."
      )
      assert.strictEqual(shown.length, 1, output)
    }
  )
})

describe("on PostgreSQL", { timeout: 90_000 }, () => {
  let server: Awaited<ReturnType<typeof PostgresServer.start>>
  beforeAll(async () => {
    server = await PostgresServer.start()
  }, 60_000)
  afterAll(() => server.stop())

  it("a run is watched from elsewhere, and a server that goes away ends the watching with the way back", async () => {
    const database = await server.database("shop")
    const { run, start } = folder()
    const env = { FLUXION_DATABASE: database }
    const paused = await run(["run", Cli.program("desk"), "article", `{"topic":"bees"}`], { env })
    assert.strictEqual(paused.code, 3, paused.stderr)
    const id = Cli.idOf(paused)
    assert.notInclude(paused.stderr, ":none@", "the password is nobody's business")
    const following = start(["executions", "events", id, "--follow"], { env })
    await following.said("review waits")
    await server.halt()
    const ended = await following.ended
    await server.resume()
    assert.strictEqual(ended.code, 5, ended.stderr)
    assert.match(ended.stderr, new RegExp(`go on with: fluxion executions events ${id} --follow --from 5 `))
    assert.match(ended.stderr, /the database postgres:\/\/postgres:…@\S+ is not available/)
  })
})

describe("the shell", { timeout: 90_000 }, () => {
  it("is given completions, and help at most 0.7 seconds after it was asked for", () => {
    const bin = [join(root, "src", "cli", "bin.ts")]
    const run = (...args: ReadonlyArray<string>) =>
      execFileSync(process.execPath, ["--conditions=fluxion-source", ...bin, ...args], { encoding: "utf8" })
    assert.include(run("--completions", "bash"), "resume-open")
    const help = run("--help")
    for (const name of ["run", "resume-open", "executions", "chat", "skills", "doctor"]) {
      assert.match(help, new RegExp(`^ +${name} `, "m"))
    }
  })
})
