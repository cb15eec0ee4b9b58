import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { Agent, AgentError, Capabilities, Driver, Models } from "fluxion"
import * as Scripted from "../support/Scripted.ts"

/** A provider whose models say their own name, and what was made and closed. */
const makeProvider = (name: string) => {
  const log: Array<string> = []
  const provider: Models.Provider = {
    name,
    model: (model) =>
      Effect.acquireRelease(
        Effect.andThen(
          Effect.sync(() => log.push(`made ${model}`)),
          Driver.toLanguageModel({
            provider: name,
            model,
            capabilities: Capabilities.all,
            stream: () => Scripted.parts(Scripted.say([`I am ${model} of ${name}`]))
          })
        ),
        () => Effect.sync(() => log.push(`closed ${model}`))
      )
  }
  return { provider, log }
}

const problemOf = <R>(effect: Effect.Effect<unknown, AgentError.ModelUnresolved, R>) =>
  Effect.map(Effect.flip(effect), ({ message, problem }) => ({ problem, message }))

describe("parse", () => {
  it("splits at the first slash; all that follows is the vendor's", () => {
    assert.deepStrictEqual(Models.parse("openai/gpt-5"), { provider: "openai", model: "gpt-5" })
    assert.deepStrictEqual(Models.parse("ollama/hf.co/bartowski/Llama-3.2:Q4"), {
      provider: "ollama",
      model: "hf.co/bartowski/Llama-3.2:Q4"
    })
  })

  it("takes nothing that lacks a side, or has spaces around it", () => {
    for (const id of ["", "/", "openai", "openai/", "/gpt-5", " openai/gpt-5", "openai/gpt-5\n"]) {
      assert.isUndefined(Models.parse(id), JSON.stringify(id))
    }
  })
})

describe("layer", () => {
  it.effect("a bad name says how models are named", () =>
    Effect.gen(function*() {
      const models = yield* Models.Models
      for (const id of ["", "gpt-5", "openai/", "/gpt-5", " a/b"]) {
        const { message, problem } = yield* problemOf(models.get(id))
        assert.strictEqual(problem, "bad-name")
        assert.include(message, `"provider/model"`)
      }
    }).pipe(Effect.provide(Models.layer([makeProvider("a").provider]))))

  it.effect("an unknown provider says which are known", () =>
    Effect.gen(function*() {
      const { message, problem } = yield* problemOf(Models.Models.use((models) => models.get("c/x")))
      assert.strictEqual(problem, "unknown-provider")
      assert.include(message, `"c"`)
      assert.include(message, "a, b")
    }).pipe(Effect.provide(Models.layer([makeProvider("a").provider, makeProvider("b").provider]))))

  it.effect("an agent finds its model by name; a later provider of a name replaces an earlier one", () =>
    Effect.gen(function*() {
      const assistant = Agent.make("assistant", { instructions: "i", model: "b/one/two" })
      assert.strictEqual(yield* assistant("who?"), "I am one/two of b")
    }).pipe(Effect.provide(Models.layer([
      makeProvider("a").provider,
      { ...makeProvider("b").provider, model: () => Effect.die("the earlier one") },
      makeProvider("b").provider
    ]))))

  it.effect("a model is made when it is first asked for, once, also by many at once, and closed with the Layer", () => {
    const { log, provider } = makeProvider("a")
    return Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Models.layer([provider]), scope)
      yield* Effect.gen(function*() {
        const models = yield* Models.Models
        assert.deepStrictEqual(log, [])
        const many = Array.from({ length: 50 }, (_, index) => models.get(index % 2 === 0 ? "a/x" : "a/y"))
        const made = yield* Effect.all(many, { concurrency: "unbounded" })
        assert.strictEqual(new Set(made).size, 2)
        assert.strictEqual(yield* models.get("a/x"), made[0])
        assert.deepStrictEqual(log, ["made x", "made y"])
      }).pipe(Effect.provide(context))
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual([...log].sort(), ["closed x", "closed y", "made x", "made y"])
    })
  })

  it.effect("a failure is not kept: the next one who asks tries again", () => {
    const { provider } = makeProvider("a")
    let tries = 0
    const flaky: Models.Provider = {
      name: "a",
      model: (name) =>
        Effect.suspend(() =>
          ++tries < 3
            ? Effect.fail(
              new AgentError.ModelUnresolved({
                model: `a/${name}`,
                problem: "missing-key",
                detail: `set A_KEY (${tries})`
              })
            )
            : provider.model(name)
        )
    }
    return Effect.gen(function*() {
      const models = yield* Models.Models
      assert.include((yield* problemOf(models.get("a/x"))).message, "(1)")
      assert.include((yield* problemOf(models.get("a/x"))).message, "(2)")
      const made = yield* models.get("a/x")
      assert.strictEqual(yield* models.get("a/x"), made)
      assert.strictEqual(tries, 3)
    }).pipe(Effect.provide(Models.layer([flaky])))
  })

  it.effect("who stops waiting for a model stops nobody else, and leaves nothing broken behind", () =>
    Effect.gen(function*() {
      const { provider } = makeProvider("a")
      const begun = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const slow: Models.Provider = {
        name: "a",
        model: (name) =>
          Deferred.succeed(begun, undefined).pipe(
            Effect.andThen(Deferred.await(go)),
            Effect.andThen(provider.model(name))
          )
      }
      yield* Effect.gen(function*() {
        const models = yield* Models.Models
        const first = yield* Effect.forkChild(models.get("a/x"))
        yield* Deferred.await(begun)
        const second = yield* Effect.forkChild(models.get("a/x"))
        yield* Effect.yieldNow
        yield* Fiber.interrupt(first)
        yield* Deferred.succeed(go, undefined)
        assert.isDefined(Driver.of(yield* Fiber.join(second)))
        assert.isDefined(Driver.of(yield* models.get("a/x")))
      }).pipe(Effect.provide(Models.layer([slow])))
    }))

  it.effect("the only one who waits for a model and stops does not spoil it for the next", () =>
    Effect.gen(function*() {
      const { provider } = makeProvider("a")
      const begun = yield* Deferred.make<void>()
      let tries = 0
      const slow: Models.Provider = {
        name: "a",
        model: (name) =>
          ++tries === 1 ? Effect.andThen(Deferred.succeed(begun, undefined), Effect.never) : provider.model(name)
      }
      yield* Effect.gen(function*() {
        const models = yield* Models.Models
        const first = yield* Effect.forkChild(models.get("a/x"))
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(first)
        assert.isDefined(Driver.of(yield* models.get("a/x")))
      }).pipe(Effect.provide(Models.layer([slow])))
    }))
})
