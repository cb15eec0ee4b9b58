/**
 * The servers of examples/server/ as a reader runs them: each in a process of its own, asked by `fetch` and by the AI
 * SDK's client, left by clients, and stopped while a client is served that keeps its connection open.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll } from "vitest"
import { root } from "../.ci/Command.ts"
import { promptly } from "./support/Promptly.ts"
import * as Clients from "./web/support/Clients.ts"

const folder = join(root, "examples", "server")
const flags = ["--disable-warning=ExperimentalWarning", "--conditions=fluxion-source"]

/** A server that runs. */
interface Server {
  readonly ask: (question: string, as?: string) => string
  /** What it has logged so far. */
  readonly log: () => string
  /** Waits until its log says something. */
  readonly says: (pattern: RegExp) => Promise<void>
  /** Asks it to stop; its exit code, which has to come before clients would close their connections by themselves. */
  readonly stop: () => Promise<number | null>
}

/** All that comes over a connection that the client never closes. */
const hold = (address: string): { readonly begun: Promise<void>; readonly all: Promise<string> } => {
  const { host, hostname, pathname, port, search } = new URL(address)
  const socket = connect(Number(port), hostname)
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
  let text = ""
  const begun = new Promise<void>((resolve) => socket.once("data", () => resolve()))
  const all = new Promise<string>((resolve) => socket.once("close", () => resolve(text)))
  socket.on("data", (data) => text += data)
  socket.on("error", () => {})
  return { begun, all }
}

const children: Array<ChildProcess> = []
afterAll(() => {
  for (const child of children) child.kill("SIGKILL")
})

const start = (file: string): Promise<Server> => spawned(file, [join(folder, file)], file === "http.ts" ? "/" : "/ask")

/** A program that serves, and prints its address first. */
const spawned = (name: string, args: ReadonlyArray<string>, path: string): Promise<Server> =>
  new Promise((resolve, reject) => {
    const env: Record<string, string | undefined> = { ...process.env, PORT: "0" }
    delete env["FLUXION_MODEL"]
    const child = spawn(process.execPath, [...flags, ...args], { cwd: root, env })
    children.push(child)
    const exit = new Promise<number | null>((exited) => child.once("exit", exited))
    let log = ""
    const listeners = new Set<() => void>()
    child.stderr.on("data", (text) => {
      log += text
      for (const listener of listeners) listener()
    })
    child.stdout.once("data", (line) => {
      const url = new URL(path, String(line).trim())
      resolve({
        ask: (question, as) => {
          const asked = new URL(url)
          asked.searchParams.set("question", question)
          if (as !== undefined) asked.searchParams.set("as", as)
          return asked.href
        },
        log: () => log,
        says: (pattern) =>
          new Promise((said) => {
            const look = () => {
              if (!pattern.test(log)) return
              listeners.delete(look)
              said()
            }
            listeners.add(look)
            look()
          }),
        stop: () => {
          child.kill("SIGTERM")
          return Effect.runPromise(Effect.promise(() => exit).pipe(promptly(4000, `${name} did not stop`)))
        }
      })
    })
    void exit.then((code) => reject(new Error(`${name} ended with ${code}: ${log}`)))
  })

const weather = "What is the weather in Tokyo?"
const answer = /Get weather: sunny, 22 °C in Tokyo|sunny, 22 °C in Tokyo/

describe.concurrent("examples/server", { timeout: 60_000 }, () => {
  const files = readdirSync(folder).filter((file) => /^[a-z]/.test(file))

  it("has one for each way to serve, at most 60 lines long", () => {
    assert.deepStrictEqual(files, ["express.ts", "hono.ts", "http.ts"])
    for (const file of files) {
      assert.isAtMost(readFileSync(join(folder, file), "utf8").trimEnd().split("\n").length, 60, file)
    }
  })

  for (const file of files) {
    it(`${file} answers in every encoding, ends what nobody reads any more, and stops when it is told to`, async () => {
      const server = await start(file)

      const sse = await fetch(server.ask(weather))
      assert.deepStrictEqual([sse.status, sse.headers.get("content-type")], [200, "text/event-stream; charset=utf-8"])
      const events = Clients.data(await sse.text())
      assert.deepStrictEqual([events[0]._tag, events.at(-1)._tag], ["RunStarted", "RunCompleted"])
      assert.isTrue(events.some((event) => event._tag === "ToolReturned"))
      assert.match(events.at(-1).result.output, answer)

      const text = await fetch(server.ask(weather, "text"))
      assert.strictEqual(text.headers.get("content-type"), "text/plain; charset=utf-8")
      assert.match(await text.text(), answer)

      const chat = await Clients.chat({ api: server.ask(weather, "ui") })
      assert.deepStrictEqual(chat.errors, [])
      assert.isTrue(chat.message?.parts.some(({ type }) => type === "tool-get_weather"))
      assert.match(chat.message!.parts.flatMap((part) => part.type === "text" ? [part.text] : []).join(""), answer)

      const wrong = await fetch(server.ask(""))
      assert.deepStrictEqual([wrong.status, wrong.headers.get("content-type")], [400, "application/problem+json"])
      assert.strictEqual(server.log(), "")

      const client = new AbortController()
      const left = await fetch(server.ask("Who wrote Hamlet?", "text"), { signal: client.signal })
      await left.body!.getReader().read()
      client.abort()
      await server.says(/whoever ran it went away.*client-gone/s)

      const open = await fetch(server.ask("Who wrote Hamlet?"))
      const rest = Clients.readAll(open)
      const held = hold(server.ask("Who wrote Hamlet?"))
      await held.begun
      const code = await server.stop()
      const last = Clients.data((await rest).text).at(-1)
      assert.deepInclude(last, { _tag: "RunFailed", end: "interrupted" })
      assert.match(await held.all, /"RunFailed".*"interrupted"/)
      assert.strictEqual(code, 0, server.log())
    })
  }

  it("cuts off, when its time is over, who still holds on", async () => {
    const shutdown = pathToFileURL(join(folder, "Shutdown.ts")).href
    const program = `import { createServer } from "node:http"
import { onSignal } from ${JSON.stringify(shutdown)}
const server = createServer((_, response) => response.write("begun"))
server.listen(0, () => console.log("http://localhost:" + server.address().port))
onSignal(server, () => Promise.resolve(), 50)`
    const server = await spawned("a server", ["--input-type=module", "--eval", program], "/")
    const held = hold(server.ask("what never ends"))
    await held.begun
    assert.strictEqual(await server.stop(), 0)
    assert.match(await held.all, /begun/)
  })
})
