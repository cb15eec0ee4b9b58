import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Exit, Redacted, Schedule, Schema, Stream } from "effect"
import { AiError, Tool, Toolkit } from "effect/ai"
import { Agent, AgentError, Models, Progress, Secrets, Task, Toolbox } from "fluxion"
import { TestModel } from "fluxion/testing"
import { recorder, within } from "../support/Steps.ts"
import * as Witness from "../support/Witness.ts"

/** Every test has a secret of its own, since the registry is the process's. It stands for what shows it, in any form. */
let count = 0
const newSecret = () => `s3cr3t/"k\\ey" ${++count} ${"x".repeat(20)}`

const forms = (secret: string) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]

const assertUnseen = (text: string, secret: string) => {
  assert.isAbove(text.length, 100, "the witness saw nothing")
  for (const form of forms(secret)) assert.notInclude(text, form)
}

/** Runs an agent under a witness, who sees the stream, the logs, the spans, what the model is sent, and the error. */
const witnessed = (agent: Agent.Agent<string, string, never> | Agent.Agent<string, string, any>) =>
  Effect.gen(function*() {
    const witness = Witness.make()
    const exit = yield* agent.stream("go").pipe(
      Stream.runForEach((event) => Effect.sync(() => witness.see(event._tag, event))),
      Effect.exit,
      witness.watch
    )
    if (Exit.isFailure(exit)) witness.see("error", exit.cause)
    for (const { prompt } of yield* TestModel.requests) witness.see("request", prompt)
    return { ...witness, exit }
  })

/** Shows a secret in every way that a tool has. */
const leak = (secret: string) =>
  Effect.gen(function*() {
    yield* Progress.emit({
      [`key of ${secret}`]: [secret, new Map([["at", new Error(`https://x?key=${encodeURIComponent(secret)}`)]])]
    })
    const shared = { secret }
    return { text: `Bearer ${secret}`, nested: [{ shared }, { shared }], [secret]: 1 }
  })

const Anything = Schema.Record(Schema.String, Schema.Unknown)

describe("P31 no secret of a task or a provider is ever in an event, a log line, a span, a progress event or a tool result", () => {
  it.effect("what Secrets.config read does not show, however a tool shows it", () => {
    const secret = newSecret()
    class Refused extends Schema.TaggedError<Refused>()("Refused", { header: Schema.String }) {}
    const key = Secrets.config("STRIPE_KEY")
    const fields = { payload: {}, success: Anything }
    const failing = { ...fields, success: Schema.String, error: Refused }
    const kit = Toolkit.make(Tool.make("kit", { parameters: Tool.EmptyParams, success: Anything }))
    const tools = [
      Task.make("returns", {
        ...fields,
        run: () => Effect.flatMap(Effect.orDie(key), (key) => leak(Redacted.value(key)))
      }),
      Task.make("fails", { ...failing, run: () => Effect.fail(new Refused({ header: `Bearer ${secret}` })) }),
      Task.make("dies", { ...failing, run: () => Effect.die(new Error(`at ${encodeURIComponent(secret)}`)) }),
      Task.make("rejects", { ...failing, run: () => Promise.reject<string>(new Error(JSON.stringify({ secret }))) }),
      Task.make("undoes", {
        ...failing,
        run: () => Effect.fail(new Refused({ header: secret })),
        rollback: () => Effect.die(new Error(`cannot undo ${secret}`))
      }),
      Task.make("reports", {
        ...failing,
        run: (_, { progress }) => {
          progress(`with ${secret}`)
          return "done"
        }
      }),
      Toolbox.make(kit, { kit: () => leak(secret) })
    ]
    const names = ["returns", "fails", "dies", "rejects", "undoes", "reports", "kit"]
    return Effect.gen(function*() {
      const { exit, lines, text } = yield* witnessed(Agent.make("a", { instructions: "i", tools, maxToolCalls: 20 }))
      assert.isTrue(Exit.isSuccess(exit))
      assertUnseen(text(), secret)
      for (const what of ["ToolReturned", "ToolFailed", "ToolProgress", "span execute_tool", "log", "request"]) {
        assert.isTrue(lines().some((line) => line.startsWith(what)), `saw no ${what}`)
      }
      assert.include(text(), "<redacted>")
    }).pipe(
      Effect.provide(TestModel.layer([
        ...names.map((name) => TestModel.toolCall(name, {})),
        TestModel.text("done")
      ])),
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ STRIPE_KEY: secret })))
    )
  })

  it.effect("a Redacted part of a payload does not show, though the model sent it; the body gets it", () => {
    const secret = newSecret()
    const got: Array<string> = []
    const login = Task.make("login", {
      payload: { user: Schema.String, auth: Schema.Array(Schema.Struct({ key: Schema.Redacted(Schema.String) })) },
      success: Schema.String,
      run: ({ auth, user }) => {
        got.push(Redacted.value(auth[0]!.key))
        return `${user} used ${Redacted.value(auth[0]!.key)}`
      }
    })
    const params = { user: "ada", auth: [{ key: secret }] }
    const json = JSON.stringify(params)
    const streamed = TestModel.stream([
      { type: "tool-params-start", id: "c1", name: "login" },
      { type: "tool-params-delta", id: "c1", delta: json.slice(0, 60) },
      { type: "tool-params-delta", id: "c1", delta: json.slice(60) },
      { type: "tool-params-end", id: "c1" },
      { type: "tool-call", id: "c1", name: "login", params }
    ], { finish: "tool-calls" })
    return Effect.gen(function*() {
      const { lines, text } = yield* witnessed(Agent.make("a", { instructions: "i", tools: [login] }))
      assert.deepStrictEqual(got, [secret])
      assertUnseen(text(), secret)
      assert.isFalse(lines().some((line) => line.startsWith("ToolInputDelta") && line.includes("xxx")))
      assert.isTrue(lines().some((line) => line.startsWith("ToolCalled") && line.includes("ada")))
    }).pipe(Effect.provide(TestModel.layer([streamed, TestModel.text("done")])))
  })

  it.effect("a Redacted payload of a task called by hand does not show in what the task reports", () => {
    const secret = newSecret()
    const send = Task.make("send", {
      payload: { key: Schema.Redacted(Schema.String) },
      success: Schema.Void,
      run: ({ key }) => Promise.reject<void>(new Error(`refused ${Redacted.value(key)}`)),
      rollback: ({ key }) => Effect.die(new Error(`still refused ${Redacted.value(key)}`))
    })
    return Effect.gen(function*() {
      const witness = Witness.make()
      const exit = yield* Effect.exit(send({ key: Redacted.make(secret) })).pipe(witness.watch)
      witness.see("explained", Exit.isFailure(exit) ? Task.explain(exit.cause) : "")
      assert.include(witness.text(), "still refused <redacted>")
      assertUnseen(witness.text(), secret)
    })
  })

  it.effect("a provider's key does not show in the errors of model calls: retried, failed, or streamed half-way", () => {
    const secret = newSecret()
    Secrets.register(Redacted.make(secret))
    const refused = new AiError.AuthenticationError({ kind: "InvalidKey" })
    const busy = new AiError.InternalProviderError({ description: `upstream said: key ${secret} is busy` })
    const bad = new AiError.InvalidRequestError({
      description: `Incorrect API key provided: ${secret}`,
      metadata: { openai: { url: `https://x?key=${encodeURIComponent(secret)}` } }
    })
    const agent = Agent.make("a", { instructions: "i", modelRetry: Schedule.recurs(1) })
    return Effect.gen(function*() {
      for (
        const script of [[TestModel.fail(bad)], [[TestModel.text("half"), TestModel.fail(bad)]], [
          TestModel.fail(refused)
        ]]
      ) {
        const { exit, text } = yield* witnessed(agent).pipe(Effect.provide(TestModel.layer(script)))
        assert.isTrue(Exit.isFailure(exit))
        assertUnseen(text(), secret)
      }
      const retried = yield* witnessed(agent).pipe(
        Effect.provide(TestModel.layer([TestModel.fail(busy), TestModel.fail(bad)]))
      )
      assert.include(retried.text(), "ModelRetried")
      assertUnseen(retried.text(), secret)

      // what a workflow would keep of it
      const journal = recorder()
      yield* Effect.exit(agent("go")).pipe(
        within(journal.scope),
        Effect.provide(TestModel.layer([TestModel.fail(bad)]))
      )
      assert.deepStrictEqual(journal.stored.map(([name]) => name), ["model", "a"])
      assertUnseen(JSON.stringify(journal.stored), secret)
    })
  })

  it.effect("nor does it where a provider cannot be set up", () => {
    const secret = newSecret()
    Secrets.register(secret)
    const refuse = (model: string) =>
      new AgentError.ModelUnresolved({ model, problem: "malformed-key", detail: `this is no key: ${secret}` })
    const models = Models.layer([{ name: "vendor", model: (name) => Effect.fail(refuse(name)) }])
    return Effect.gen(function*() {
      const { exit, text } = yield* witnessed(Agent.make("a", { instructions: "i", model: "vendor/x" })).pipe(
        Effect.provide(models)
      )
      assert.isTrue(Exit.isFailure(exit))
      assertUnseen(text(), secret)
    }).pipe(Effect.provide(TestModel.layer([])))
  })

  it.todo(
    "a known secret that the model itself says does not show in deltas of text and arguments, nor in the text of its answers"
  )
})
