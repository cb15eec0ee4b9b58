/**
 * Every request that a run makes is checked where it arrives: by a validator of the vendor's rules, and for what the run
 * asked for, written as the vendor writes it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schema } from "effect"
import { Agent, type AgentEvent } from "fluxion"
import { edits } from "../provider/legality/AnthropicMessages.ts"
import { calls, getTime, getWeather } from "../provider/legality/Conversation.ts"
import { families, type Family, idOf } from "../provider/legality/Families.ts"
import { type Answer, models, type Said, violationsOf, type WireApi, wireApis } from "../provider/legality/WireApis.ts"
import * as VendorServer from "../provider/support/VendorServer.ts"

const Forecast = Schema.Struct({ city: Schema.String, high: Schema.Finite, rain: Schema.optionalKey(Schema.Boolean) })

const maxTokens = 3000

interface Case {
  readonly streaming: boolean
  readonly tools: boolean
  readonly structured: boolean
  readonly reasoning: boolean
}

const on = [false, true]

const cases: ReadonlyArray<Case> = on.flatMap((streaming) =>
  on.flatMap((tools) =>
    on.flatMap((structured) => on.map((reasoning) => ({ streaming, tools, structured, reasoning })))
  )
)

const title = (given: Case): string =>
  Object.entries(given).map(([name, is]) => `${is ? "with" : "no"} ${name}`).join(", ")

/** What the model says: calls if it may, an answer that does not fit if one is asked for, an answer. */
const script = ({ structured, tools }: Case): ReadonlyArray<Answer | "wrong" | "right"> => [
  ...(tools ? [{ text: "Let me look.", calls }] : []),
  ...(structured ? ["wrong" as const] : []),
  structured ? "right" : { text: "Sunny." }
]

/** The same, in the way in which the request asks for an answer. */
const toAnswer = (said: Said, step: Answer | "wrong" | "right"): Answer => {
  if (typeof step === "object") return step
  const answer = { city: "Tokyo", high: step === "right" ? 22 : "warm" }
  // what a vendor makes of an optional property is required
  const whole = { ...answer, ...(JSON.stringify(said.schema ?? {}).includes(`"null"`) ? { rain: null } : {}) }
  return said.tools.includes("final_answer") ? { calls: [["final_answer", answer]] } : { text: JSON.stringify(whole) }
}

/** Whether the answers of a model hold reasoning. */
const thinks = (family: Family, given: Case) => family.reasons && (family.always || given.reasoning)

const run = (api: WireApi, family: Family, given: Case) =>
  Effect.gen(function*() {
    const steps = script(given)
    const server = yield* VendorServer.make((request, index) => {
      const step = toAnswer(api.read(request), steps[Math.min(index, steps.length - 1)]!)
      return api.reply(
        { ...step, reasoning: thinks(family, given) ? "Hm." : undefined },
        given.streaming,
        index + 1,
        family
      )
    })
    const agent = Agent.make("a", {
      instructions: "You tell the weather.",
      model: idOf(family),
      tools: given.tools ? [getWeather, getTime] : [],
      output: (given.structured ? Forecast : Schema.String) as Schema.Codec<unknown>,
      maxTokens,
      stream: given.streaming,
      ...(given.reasoning ? { reasoning: "medium" as const } : {})
    })
    const exit = yield* Effect.exit(Effect.provide(agent.result("Tokyo?"), models(server.url)))
    return { exit, requests: server.requests }
  })

const isForced = (said: Said) => said.choice === "forced"

/** What a request has to say, before and after the calls are answered. */
const expectSaid = (api: WireApi, family: Family, given: Case, said: Said, index: number, where: string) => {
  assert.strictEqual(said.stream, given.streaming, `${where}: stream`)
  assert.strictEqual(said.maxTokens, maxTokens, `${where}: the limit of tokens`)
  if (given.reasoning && family.reasons) assert.isDefined(said.reasoning, `${where}: reasoning`)
  else assert.isUndefined(said.reasoning, `${where}: no reasoning was asked for, or can be`)
  if (typeof said.reasoning === "number") assert.isBelow(said.reasoning, maxTokens, `${where}: room for an answer`)

  const native = given.structured && (family.schema === "always" || (family.schema === "without tools" && !given.tools))
  const asksByTool = given.structured && !native
  // where nothing but the answer may come any more, and it cannot be forced, nothing else is offered
  const corrects = given.structured && index > (given.tools ? 1 : 0)
  const own = given.tools && !(asksByTool && corrects && !isForced(said)) ? ["get_weather", "get_time"] : []
  assert.deepStrictEqual(said.tools, [...own, ...(asksByTool ? ["final_answer"] : [])], `${where}: tools`)
  for (const name of own) {
    assert.nestedProperty(said.parameters(name), "properties.city", `${where}: parameters of ${name}`)
  }
  const schema = native ? said.schema : said.parameters("final_answer")
  if (given.structured) assert.nestedProperty(schema, "properties.high", `${where}: the answer's schema`)
  assert.strictEqual(said.schema !== undefined, native, `${where}: whether the vendor holds it to the schema`)
  if (!asksByTool) assert.isFalse(isForced(said), `${where}: nothing is forced`)
}

for (const api of wireApis) {
  describe(`P10 tools, schema, reasoning and limits are all there and legal together: ${api.name}`, () => {
    for (const given of cases) {
      it.effect(title(given), () =>
        Effect.forEach(families[api.name]!, (family) =>
          Effect.gen(function*() {
            const { exit, requests } = yield* run(api, family, given)
            const needsTools = given.tools || (given.structured && family.schema === "never")
            if (needsTools && !family.tools) {
              assert.isTrue(Exit.isFailure(exit), `${family.model} has no tools`)
              assert.include(String(Exit.isFailure(exit) ? exit.cause : ""), "tools", family.model)
              assert.lengthOf(requests, 0, `${family.model}: nothing was asked`)
              return
            }
            assert.lengthOf(requests, script(given).length, `${family.model}: ${String(exit)}`)
            requests.forEach((request, index) => {
              const where = `${family.model}, request ${index + 1}`
              assert.deepStrictEqual(violationsOf(request), [], where)
              const said = api.read(request)
              expectSaid(api, family, given, said, index, where)
              if (given.tools && index > 0) {
                const [weather, time, ...more] = said.results
                assert.include(weather, "Sunny in Tokyo", `${where}: the first result`)
                assert.include(time, "no clock in Oslo", `${where}: the second result, which failed`)
                if (!said.tools.includes("final_answer")) assert.isEmpty(more, `${where}: no other results`)
              }
              // what it thought before goes back with the turn
              if (given.tools && index > 0 && thinks(family, given) && family.back) {
                for (const part of api.given(1)) {
                  assert.include(request.text, part, `${where}: the reasoning of the first turn`)
                }
              }
            })
            if (api.name === "anthropic" && family.schema === "always") {
              for (const [index, { json }] of requests.slice(1).entries()) {
                assert.deepStrictEqual(edits(requests[index]!.json, json), [], `${family.model} keeps what it thought`)
              }
            }
            const result = Exit.isSuccess(exit) ? exit.value : assert.fail(`${family.model}: ${String(exit)}`)
            const omitted = result.warnings.map((warning: AgentEvent.Warning) => warning.message).join()
            if (given.reasoning && !family.reasons) assert.include(omitted, "reasoning", `${family.model}: it is said`)
            else assert.strictEqual(omitted, "", family.model)
          }), { discard: true }))
    }
  })
}

describe("P10 a choice that is forced is legal, too", () => {
  for (const api of wireApis) {
    it.effect(`${api.name}: a call is forced once, with a warning where that costs the reasoning, or refused`, () =>
      Effect.forEach(families[api.name]!.filter(({ tools }) => tools), (family) =>
        Effect.gen(function*() {
          const server = yield* VendorServer.make((_, index) =>
            api.reply(index === 0 ? { calls } : { text: "Sunny." }, true, index, family)
          )
          const agent = Agent.make("a", {
            instructions: "i",
            model: idOf(family),
            tools: [getWeather, getTime],
            toolChoice: "required",
            reasoning: "low"
          })
          const exit = yield* Effect.exit(Effect.provide(agent.result("Tokyo?"), models(server.url)))
          if (family.forced === "never") {
            assert.include(Exit.isFailure(exit) ? String(exit.cause) : "", "toolChoice", family.model)
            assert.lengthOf(server.requests, 0, family.model)
            return
          }
          for (const request of server.requests) assert.deepStrictEqual(violationsOf(request), [], family.model)
          const [first, second] = server.requests.map(api.read)
          assert.strictEqual(first?.choice, "forced", family.model)
          assert.isUndefined(second?.choice, family.model)
          const canBoth = family.reasons && family.forced === "always"
          assert.strictEqual(first?.reasoning !== undefined, canBoth, family.model)
          const warnings = Exit.isSuccess(exit) ? exit.value.warnings.map(({ message }) => message).join() : ""
          assert.strictEqual(warnings.includes("reasoning"), !canBoth, family.model)
        }).pipe(Effect.scoped), { discard: true }))
  }

  it.effect("a model that cannot be forced while it reasons is told to give the answer by the tool", () =>
    Effect.gen(function*() {
      const api = wireApis.find(({ name }) => name === "anthropic")!
      const family = families["anthropic"]!.find(({ model }) => model === "claude-sonnet-4-20250514")!
      const answers: ReadonlyArray<Answer> = [
        { text: "It will be warm." },
        { calls: [["final_answer", { city: "Tokyo", high: 22 }]] }
      ]
      const server = yield* VendorServer.make((_, index) =>
        api.reply({ ...answers[index], reasoning: "Hm." }, true, index, family)
      )
      const agent = Agent.make("a", {
        instructions: "i",
        model: idOf(family),
        output: Forecast,
        reasoning: "low",
        maxTokens
      })
      const output = yield* Effect.provide(agent("Tokyo?"), models(server.url))
      assert.deepStrictEqual(output, { city: "Tokyo", high: 22 })
      for (const request of server.requests) {
        assert.deepStrictEqual(violationsOf(request), [])
        const said = api.read(request)
        assert.deepStrictEqual(said.tools, ["final_answer"])
        assert.isUndefined(said.choice)
        assert.isDefined(said.reasoning)
      }
      assert.include(server.requests[1]!.text, "by a call of final_answer")
    }))
})
