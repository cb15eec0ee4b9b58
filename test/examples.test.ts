/**
 * The examples as a reader runs them: in a process of their own, with their output compared.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { LanguageModel, Tool, Toolkit } from "effect/ai"
import type { Recorded } from "fluxion/core/JournalEvent"
import { type ChildProcess, execFile, type ExecFileException, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { afterAll } from "vitest"
import { root } from "../.ci/Command.ts"
import * as Account from "../examples/crash/Account.ts"
import * as DemoModel from "../examples/DemoModel.ts"
import { type Offer, plan } from "../examples/DemoPlan.ts"
import { near, zoneOf } from "../examples/LocalTime.ts"
import manifest from "../package.json" with { type: "json" }

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const flags = ["--disable-warning=ExperimentalWarning", "--conditions=fluxion-source"]

const env = (more: { readonly [name: string]: string } = {}): { [name: string]: string | undefined } => {
  const out: { [name: string]: string | undefined } = { ...process.env, ...more }
  for (const name of ["FLUXION_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL"]) if (!(name in more)) delete out[name]
  return out
}

const node = (
  args: ReadonlyArray<string>,
  options: { readonly cwd?: string; readonly env?: { readonly [name: string]: string } } = {}
): Promise<Outcome> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      [...flags, ...args],
      { cwd: options.cwd ?? root, env: env(options.env) },
      (error: ExecFileException | null, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr })
    )
  })

/** A folder inside the project for a start's own files. */
const folder = (): string => {
  mkdirSync(join(root, ".tmp"), { recursive: true })
  const path = mkdtempSync(join(root, ".tmp", "start-"))
  folders.push(path)
  return path
}
const folders: Array<string> = []
afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true })
})

const notice =
  "I am the demo model: rules, no AI. For a real one: npm start -- --model ollama/llama3.2 (or openai/gpt-5), or set FLUXION_MODEL."

const examples: { readonly [file: string]: string } = {
  "01-task.ts": `attempt 1: reserve 2 × lamp
attempt 2: reserve 2 × lamp
attempt 3: reserve 2 × lamp
{ reservation: 'lamp-2' }
[ { item: 'lamp', cents: 400 }, { item: 'table', cents: 500 } ]
attempt 1: reserve 1 × chair
{ reservation: 'none' }
`,
  "02-agent.ts": `${notice}
I have no tools here, and without one I know nothing.
finish: answered, turns: 1, messages: 2
finish: answered, turns: 1, messages: 4
ModelFailed: agent guide: the call to model demo/rules failed: Invalid user input: the instruction is empty: say what agent guide is to do
`,
  "03-tools.ts": `${notice}

→ get_weather {"city":"Tokyo"}
→ get_weather #2 {"city":"Lima"}
→ get_weather #3 {"city":"Atlantis"}
← get_weather "sunny, 22 °C"
← get_weather #2 "fog, 17 °C"
✗ get_weather #3: there is no weather for Atlantis; known are Tokyo and Lima
→ convert_length {"miles":26.2}
← convert_length "42.2 km"

Get weather (city Tokyo): sunny, 22 °C
Get weather (city Lima): fog, 17 °C
get_weather failed: there is no weather for Atlantis; known are Tokyo and Lima
Convert length (miles 26.2): 42.2 km

3 turns, 4 tool calls, N tokens in, N out, demo/rules
`,
  "04-streaming.ts": `ToolCalled download { file: 'report.pdf' }
ToolProgress { percent: 50 }
ToolProgress { percent: 100 }
ToolReturned report.pdf: 12 kB
RunCompleted report.pdf: 12 kB
[time] INFO (#N): agent assistant: whoever ran it went away { 'fluxion.path': 'assistant', 'fluxion.end': 'client-gone' }
[ 'I', ' am', ' the', ' demo' ]
`,
  "05-swap-the-provider.ts": `demo/rules: Sunny, 22 °C in Tokyo
`,
  "06-test-with-testmodel.ts": `Take an umbrella. (2 requests)
the model was told: [ 'Rain' ]
agent assistant: the call to model test/test failed: InvalidKey: Verify your API key is correct
Error: TestModel: not used: 1 of 2 turns of any agent; the agent ended sooner than the script
`,
  "07-structured-output.ts": `OutputPartial {"customer":"Kenji","due":"2026-12-01T00:00:00.000Z"}
OutputPartial {"customer":"Kenji","due":"2026-12-01T00:00:00.000Z","lines":[{"item":"lamps","cents":800},{"item":"table","cents":2500}]}
OutputPartial {"customer":"Kenji","due":"2026-12-01T00:00:00.000Z","lines":[{"item":"lamps","cents":800},{"item":"table","cents":2500}],"total":2500}
OutputRejected [ 'total is 2500, but the lines add up to 3300' ]
OutputPartial {"customer":"Kenji","due":"2026-12-01T00:00:00.000Z","lines":[{"item":"lamps","cents":800},{"item":"table","cents":2500}],"total":3300}
Kenji pays 3300 cents by 2026-12-01
`,
  "08-output-with-tools.ts": `the lamp went out on 2026-11-20
2 turns, 1 tool call
`,
  "09-retries-and-timeouts.ts": `RateLimitError: attempt 2 in 20 ms
RateLimitError: attempt 3 in 20 ms
Lima
[time] INFO (#N): agent assistant: attempt 2 begins, the one before failed: the run took longer than its timeout of 300ms
Lima
[time] INFO (#N): agent assistant: attempt 2 begins, the one before failed: the run took longer than its timeout of 300ms
agent assistant: the run took longer than its timeout of 300ms
I cannot say now.
`,
  "10-fallback.ts": `turn 1: openai/gpt-5
Sunny in Tokyo
turn 2: openai/gpt-5
openai/gpt-5 failed (Internal provider error: overloaded), anthropic/claude-sonnet-4-5 goes on
anthropic/claude-sonnet-4-5: Sunny.
agent assistant: the call to model openai/gpt-5 failed: InvalidKey: Verify your API key is correct
`,
  "11-cassette.ts": `Snow in Oslo
2 turns by demo/rules
agent assistant: the call to model demo/rules failed: Invalid request. No answer is recorded in examples/cassettes/weather.json for this request to demo/rules (2 messages, 1 tool).
The nearest of 2 recordings is number 1; - is recorded, + is asked:
@@ -3,7 +3,7 @@
   - role: system
     content: You tell the weather.
   - role: user
-    content: What is the weather in Oslo?
+    content: What is the weather in Lima?
 tools:
   - name: get_weather
     description: The weather in a city now.
To record what is missing, run it once in mode "auto"; mode "record" records all of it anew.
`,
  "12-async-await.ts": `2026-11-20
the lamp went out on 2026-11-20
Rain on the roof; nobody counts it.
TaskFailed task find_order failed: there is no order B-1
ModelFailed false
AbortError
`,
  "13-workflow.ts": `the first process has ended
published "Bees dance to say where." (bees/publish)
`,
  "14-pause-and-resume.ts": `paused [ [ 'review', { draft: 'All about bees.' } ] ]
All about bees. (well said)
AlreadyResumed
`,
  "15-cancel-and-rollback.ts": `book flight to Rome
book hotel to Rome
cancel hotel-17
cancel flight-17
ExecutionCancelled cancelled
`,
  "16-crash-and-resume.ts": `first: reserve, order-17/reserve
first: pay, order-17/pay
first: ended by SIGKILL
second: pay, order-17/pay
second: ship, order-17/ship
second: result reserve A-17, pay A-17, ship A-17
second: ended by code 0
`,
  "17-postgres-and-cluster.ts": `one machine: paused
many machines: bought tea for 12
one of them less: bought nothing
`,
  "18-chat.ts": `> I am Ada. Plan a week in Japan.
Tokyo, Nikko, Kyoto, Nara and Hiroshima, with a day for each
  (10 tokens in)
> By train?
Yes, with a rail pass.
  (10 tokens in)
> And food?
Ramen, and more ramen.
  (20 tokens in)
> What is my name, and where do I go?
Ada. To Japan.
  (10 tokens in)
system user ~21 tokens
system user assistant user ~134 tokens
system user ~232 tokens
system user user assistant user ~83 tokens
system user user assistant user assistant user ~106 tokens
8 messages are kept; Ada goes to Japan for a week: Tokyo, Nikko, Kyoto, Nara, Hiroshima, by train.
[ [ 'chat-43', 4 ], [ 'chat-42', 8 ] ]
`,
  "19-memory-across-processes.ts": `ada [ 'diet: Ada is a vegetarian. (assistant)' ]
bob []
Ada is a vegetarian.
`,
  "20-shared-memory.ts": `list_memory_keys {"keys":["bees","deadline"],"more":false}
search_memory [{"key":"bees","value":"Bees dance to say where flowers are.","by":"researcher"}]
Bees dance to talk.
2027 [ 'bees', 'deadline' ] 12000
`,
  "21-skills.ts": `use_skill {"skill":"refunds","instructions":"# Refunds\\n\\n1. Read references/limit
skill: refunds
read_skill_file {"text":"At most 50 euros an order. More is decided by a person.\\n"}
refund "paid 50 euros back for A-17"
50 euros are paid back in three working days; a person decides about the other 30.
[ 'invoices', 'refunds' ] []
`,
  "22-skills-in-code.ts": `All is clean.
2 messages; sweep, mop, unlock, use_skill, read_skill_file
4 messages; sweep, mop, use_skill, read_skill_file
6 messages; sweep, mop, use_skill, read_skill_file
8 messages; sweep, mop, use_skill, read_skill_file
- cleaning: Cleans the shop. Use it before opening.
- opening: Opens the shop.
`
}

/** Without what differs from run to run: the log's times and fibers, and counted tokens. */
const normalize = (text: string): string =>
  text.replace(/^\[\d\d:\d\d:\d\d\.\d{3}\]/gm, "[time]").replace(/\(#\d+\)/g, "(#N)")
    .replace(/[\d,]+ tokens in, [\d,]+ out/g, "N tokens in, N out")

describe.concurrent("examples", { timeout: 60_000 }, () => {
  it("are numbered, one idea each, and at most 60 lines long", () => {
    const files = readdirSync(join(root, "examples")).filter((file) => /^\d/.test(file))
    assert.deepStrictEqual(files, Object.keys(examples))
    for (const file of files) {
      assert.isAtMost(readFileSync(join(root, "examples", file), "utf8").trimEnd().split("\n").length, 60, file)
    }
  })

  for (const [file, expected] of Object.entries(examples)) {
    it(`${file} says what it should`, async () => {
      const { code, stderr, stdout } = await node([join("examples", file)])
      assert.strictEqual(normalize(stdout), expected)
      assert.strictEqual(stderr, "")
      assert.strictEqual(code, 0)
    })
  }

  it("end with one line when the model that was named cannot be used", async () => {
    for (const file of ["02-agent.ts", "05-swap-the-provider.ts"]) {
      const { code, stderr } = await node([join("examples", file), "--model", "openai/gpt-5"])
      assert.strictEqual(code, 1)
      assert.match(stderr, /^error: model "openai\/gpt-5" cannot be used: .*OPENAI_API_KEY.*\n$/)
    }
  })
})

const start = (args: ReadonlyArray<string>, options?: Parameters<typeof node>[1]) =>
  node([join(root, "examples", "start.ts"), ...args], { cwd: folder(), ...options })

/** The folders of executions that a demo has left. */
const left = (temporary: string) => readdirSync(temporary).filter((name) => name.startsWith("fluxion-demo-"))

/** A port of this machine on which nobody listens. */
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

describe.concurrent("npm start", { timeout: 60_000 }, () => {
  it("shows an answer, a death in the middle of it, and a new process that goes on: all of it counted", async () => {
    const temporary = folder()
    const { code, stderr, stdout } = await start([], { env: { TMPDIR: temporary } })
    assert.strictEqual(stderr, "")
    assert.strictEqual(code, 0)
    const [, first, second, third] = stdout.split(/^\d\. .*$/m)
    assert.match(
      first!,
      /^You: Find Ada's orders, .*\n\nI am the demo model: .*\n\n→ find_orders {"customer":"Ada"}\n← find_orders \[/m
    )
    assert.include(first, `\n  "refunds": [\n    {\n      "order": "A-17",\n      "euros": 40\n    },`)
    assert.match(first!, /^3 turns, 3 tool calls, [\d,]+ tokens in, \d+ out, demo\/rules\nrefunded: 65 euros$/m)
    assert.strictEqual(second!.trim(), "killed (SIGKILL) in step 4 of 6, while the bank was at work")
    assert.strictEqual(
      third!.trim(),
      `step                                      answered by
1  model {"turn":1}                       journal
2  find_orders {"customer":"Ada"}         journal
3  model {"turn":2}                       journal
4  refund_order {"order":"A-17"}          ran now
5  refund_order {"order":"A-18"}          ran now
6  model {"turn":3}                       ran now

model calls: 3, repeated: 0; answer identical
refunds: asked for 3 times, with 2 idempotency keys, so the bank paid 2 times

A real model:    npm start -- --model ollama/llama3.2
More deaths:     npm run demo:crash -- --kill 20
What it is:      README.md; what is exactly once, and what is not: docs/exactly-once.md`
    )
    assert.deepStrictEqual(left(temporary), [])
  })

  it("ends its processes, and leaves nothing behind, when it is stopped in the middle", async () => {
    const temporary = folder()
    const child = spawn(process.execPath, [...flags, join(root, "examples", "start.ts")], {
      cwd: folder(),
      env: env({ TMPDIR: temporary })
    })
    child.stdout.on("data", (data) => {
      // the second act has begun: its process is on its way to the bank
      if (String(data).includes("2. ")) child.kill("SIGTERM")
    })
    assert.deepStrictEqual(await new Promise((resolve) => child.once("close", resolve)), 130)
    assert.deepStrictEqual(left(temporary), [])
  })

  it("ends well, and leaves nothing behind, when nobody reads on", async () => {
    const temporary = folder()
    const child = spawn(process.execPath, [...flags, join(root, "examples", "start.ts")], {
      cwd: folder(),
      env: env({ TMPDIR: temporary })
    })
    let errors = ""
    child.stderr.on("data", (data) => (errors += data))
    child.stdout.on("data", (data) => {
      if (String(data).includes("2. ")) child.stdout.destroy()
    })
    assert.strictEqual(await new Promise((resolve) => child.once("exit", resolve)), 0)
    assert.strictEqual(errors, "")
    assert.deepStrictEqual(left(temporary), [])
  })

  it("asks one's own question alone, and keeps the notes for the next start", async () => {
    const cwd = folder()
    const first = await start([`Note "call Kenji tomorrow", then what time is it in Tokyo?`], { cwd })
    const second = await start(["List", "my", "notes."], { cwd })
    assert.strictEqual(first.stderr + second.stderr, "")
    assert.match(first.stdout, /^→ local_time {"city":"Tokyo"}\n← local_time {"city":"Tokyo","zone":"Asia\/Tokyo",/m)
    assert.include(second.stdout, `← list_notes [{"id":1,"text":"call Kenji tomorrow"`)
    assert.match(second.stdout, /^2 turns, 1 tool call, [\d,]+ tokens in, \d+ out, demo\/rules\n$/m)
    assert.notInclude(second.stdout, "SIGKILL")
  })

  it("lets several starts write notes at once", async () => {
    const cwd = folder()
    const outcomes = await Promise.all([1, 2, 3, 4].map((number) => start([`Note "number ${number}"`], { cwd })))
    for (const { code, stderr } of outcomes) assert.deepStrictEqual([code, stderr], [0, ""])
    const { stdout } = await start(["list my notes"], { cwd })
    for (const number of [1, 2, 3, 4]) assert.include(stdout, `"text":"number ${number}"`)
  })

  it("hands tokens to a pipe as they come", async () => {
    const chunks: Array<string> = []
    const child: ChildProcess = spawn(process.execPath, [
      ...flags,
      join(root, "examples", "start.ts"),
      "Who wrote Hamlet?"
    ], {
      cwd: folder(),
      env: env()
    })
    child.stdout!.on("data", (chunk) => chunks.push(String(chunk)))
    await new Promise((resolve) => child.once("close", resolve))
    assert.isAbove(chunks.length, 10)
    assert.include(chunks.join(""), "None of my tools fits that.")
  })

  it("ends with one readable line, and no stack, when it cannot go on", async () => {
    const port = await freePort()
    const cases: ReadonlyArray<readonly [ReadonlyArray<string>, { readonly [name: string]: string }, number, RegExp]> =
      [
        [["--model", "gpt-5"], {}, 1, /"provider\/model"/],
        [["--model", "acme/gpt-5"], {}, 1, /no provider "acme"; known are: openai, anthropic, google, ollama/],
        [["--model", "openai/gpt-5"], {}, 1, /OPENAI_API_KEY/],
        [[], { FLUXION_MODEL: "openai/gpt-5", OPENAI_API_KEY: "sk-secret\nX-Evil: 1" }, 1, /OPENAI_API_KEY/],
        [["--model", "ollama/llama3.2"], { OLLAMA_HOST: `127.0.0.1:${port}` }, 1, /start it: `ollama serve`/],
        [["--model"], {}, 2, /npm start --/],
        [["--color"], {}, 2, /Unknown option '--color'/],
        [[" "], {}, 2, /the question is empty/]
      ]
    await Promise.all(cases.map(async ([args, env, code, message]) => {
      const outcome = await start(args, { env, cwd: folder() })
      assert.strictEqual(outcome.code, code, `${args.join(" ")}: ${outcome.stderr}`)
      assert.match(outcome.stderr, message)
      assert.match(outcome.stderr, /^error: .*\n$/)
      assert.notInclude(outcome.stderr + outcome.stdout, "secret")
    }))
  })

  it("is shown without an experimental warning by the npm script", () => {
    assert.include(manifest.scripts.start, flags.join(" "))
  })
})

describe("npm run demo:crash", { timeout: 60_000 }, () => {
  const crash = (args: ReadonlyArray<string>, options?: Parameters<typeof node>[1]) =>
    node([join(root, "examples", "crash", "run.ts"), ...args], options)

  it("kills at random moments, and counts", async () => {
    const temporary = folder()
    const { code, stderr, stdout } = await crash(["--kill", "2"], { env: { TMPDIR: temporary } })
    assert.strictEqual(stderr, "")
    assert.strictEqual(code, 0, stdout)
    assert.strictEqual(stdout.match(/^killed after +\d+ ms, [0-6] of 6 steps recorded; .*$/gm)?.length, 2)
    assert.match(stdout, /^model calls: \d+, repeated: 0; cut off by the kill and made again: [0-2]$/m)
    assert.match(stdout, /^the bank paid 4 times, for 4 orders\nanswers identical: 2 of 2\n$/m)
    assert.deepStrictEqual(left(temporary), [])
  })

  it("says how it is used", async () => {
    for (const kills of ["0", "many", "1.5"]) {
      const { code, stderr } = await crash(["--kill", kills])
      assert.strictEqual(code, 2)
      assert.strictEqual(
        stderr,
        `error: --kill is a number of kills, 1 or more: ${kills}; use: npm run demo:crash -- [--kill 20]\n`
      )
    }
  })

  it("finds a call that was made again although its answer was recorded", () => {
    const step = (sequence: number, key: string, name: string): ReadonlyArray<Recorded> => [
      { sequence, at: 0, event: { _tag: "StepStarted", key, name, payload: {} } },
      { sequence: sequence + 1, at: 0, event: { _tag: "StepCompleted", key, exit: null } }
    ]
    const before = [...step(0, "/desk/model:1", "model"), ...step(2, "/desk/refund_order:1", "refund_order")]
    const after = [...before, ...step(4, "/desk/model:2", "model"), ...step(6, "/desk", "desk")]
    const calls = (process: number, what: "model" | "refund", ...keys: ReadonlyArray<string>) =>
      keys.map((key) => ({ process, what, key }))
    const pay = "refunds/desk/refund_order:1"
    const good = [...calls(1, "model", "a", "b"), ...calls(1, "refund", pay), ...calls(2, "model", "b")]
    const account = Account.of({ before, after, killed: 1, ledger: good })
    assert.deepStrictEqual(account.steps.map(({ by, name }) => [name, by]), [
      ["model", "journal"],
      ["refund_order", "journal"],
      ["model", "ran now"]
    ])
    assert.deepStrictEqual(account.models, { made: 3, cutOff: 1, repeated: 0 })
    assert.deepStrictEqual(account.refunds, { made: 1, cutOff: 0, repeated: 0, paid: 1 })
    const bad = [...good, ...calls(2, "model", "a"), ...calls(2, "refund", pay, "another")]
    const { models, refunds } = Account.of({ before, after, killed: 1, ledger: bad })
    assert.deepStrictEqual(models, { made: 4, cutOff: 1, repeated: 1 })
    assert.deepStrictEqual(refunds, { made: 3, cutOff: 0, repeated: 1, paid: 2 })
  })
})

describe("local_time", () => {
  it("knows every city of the time-zone database, and other names of zones", () => {
    for (const zone of Intl.supportedValuesOf("timeZone")) {
      assert.strictEqual(zoneOf(zone.slice(zone.lastIndexOf("/") + 1).replaceAll("_", " ")), zone)
    }
    const others = {
      Kolkata: "Calcutta",
      "São Paulo": "Sao_Paulo",
      "ho chi minh city": "Saigon",
      KYIV: "Kiev",
      "St. Johns": "St_Johns"
    }
    for (const [city, zone] of Object.entries(others)) assert.include(zoneOf(city), `/${zone}`)
    for (const wrong of ["", "Atlantis", "../Tokyo", "+09:00", "Tokyo; rm"]) assert.isUndefined(zoneOf(wrong))
  })

  it("names cities that are written almost like an unknown one", () => {
    assert.deepStrictEqual(near("Tokio"), ["Tokyo"])
    assert.deepStrictEqual(near("York"), ["New York"])
    assert.deepStrictEqual(near("Atlantis"), [])
  })
})

const offer = (
  name: string,
  description: string,
  properties: Offer["parameters"]["properties"],
  optional: ReadonlyArray<string> = []
): Offer => ({
  name,
  description,
  parameters: { properties: properties!, required: Object.keys(properties!).filter((key) => !optional.includes(key)) }
})

const text = { type: "string" }

const offers: ReadonlyArray<Offer> = [
  offer("get_weather", "The weather in a city.", {
    city: text,
    unit: { type: "string", enum: ["celsius", "fahrenheit"] }
  }, ["unit"]),
  offer("add_numbers", "Adds two numbers.", { a: { type: "number" }, b: { type: "number" } }),
  offer("send_email", "Sends a message by e-mail.", { to: text, subject: text, body: text }),
  offer("search", "Searches the web.", { query: text }),
  offer("calculate", "Evaluates an arithmetic expression.", { expression: text }),
  offer("createTask", "Creates a task.", {
    title: text,
    urgent: { type: "boolean" },
    tags: { type: "array", items: text }
  }, ["urgent", "tags"]),
  offer("list_tasks", "Lists the tasks.", {})
]

const questions: { readonly [question: string]: ReadonlyArray<readonly [string, object]> } = {
  "What is the weather in Tokyo?": [["get_weather", { city: "Tokyo" }]],
  "weather in new york please": [["get_weather", { city: "new york" }]],
  "How is the weather in Rio de Janeiro, in fahrenheit?": [["get_weather", { city: "Rio de Janeiro" }]],
  "In Lima, how is the weather?": [["get_weather", { city: "Lima" }]],
  "Weather in Tokyo, Lima and Oslo": [["get_weather", { city: "Tokyo" }], ["get_weather", { city: "Lima" }], [
    "get_weather",
    { city: "Oslo" }
  ]],
  "Add 2 and 3.5": [["add_numbers", { a: 2, b: 3.5 }]],
  "What is 6 * (7 + 1)?": [["calculate", { expression: "6 * (7 + 1)" }]],
  "Search for Effect and fibers": [["search", { query: "Effect and fibers" }]],
  [`Send an email to ada@example.org with subject "Hi" and body "See you then, and bye."`]: [
    ["send_email", { to: "ada@example.org", subject: "Hi", body: "See you then, and bye." }]
  ],
  [`Create the task "write, then test" and list my tasks`]: [["createTask", { title: "write, then test" }], [
    "list_tasks",
    {}
  ]],
  "What are my tasks?": [["list_tasks", {}]],
  "Who wrote Hamlet?": [],
  "": []
}

describe("the demo model", () => {
  for (const [question, calls] of Object.entries(questions)) {
    it(`reads "${question}"`, () => {
      assert.deepStrictEqual(plan(question, offers).map(({ name, params }) => [name, params]), calls as never)
    })
  }

  it.live("is a Model for everybody who calls one, and says what it is first", () =>
    Effect.gen(function*() {
      const toolkit = Toolkit.make(Tool.make("get_weather", {
        description: "The weather in a city.",
        parameters: Schema.Struct({ city: Schema.String }),
        success: Schema.String
      }))
      const response = yield* LanguageModel.generateText({
        prompt: "What is the weather in Oslo?",
        toolkit
      }).pipe(Effect.provide(toolkit.toLayer({ get_weather: () => Effect.succeed("Snow") })))
      assert.strictEqual(response.toolCalls[0]?.name, "get_weather")
      assert.isTrue(response.text.startsWith("I am the demo model"))
      const pieces = yield* LanguageModel.streamText({ prompt: "Hello" }).pipe(Stream.runCollect)
      assert.isAbove(pieces.filter((part) => part.type === "text-delta").length, 10)
    }).pipe(Effect.provide(DemoModel.layer)))
})
