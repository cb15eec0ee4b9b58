/**
 * Histories that runs really made under one model, sent to another: every request is checked where it arrives.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import type { Prompt } from "effect/ai"
import { Agent, Models } from "fluxion"
import * as Properties from "../../support/Properties.ts"
import type { Received } from "../support/VendorServer.ts"
import * as VendorServer from "../support/VendorServer.ts"
import { apiOf, calls, can, getTime, getWeather, kinds, run } from "./Conversation.ts"
import { all, families, type Family, idOf } from "./Families.ts"
import { mark, models, ofRequest, violationsOf, wireApis } from "./WireApis.ts"

/** What no vendor may be shown: what others signed. Those that sign nothing have text to show. */
const signed = ["openai", "anthropic", "google"]

const expectLegal = (request: Received, where: string) => {
  assert.deepStrictEqual(violationsOf(request), [], where)
  for (const api of signed) {
    if (api !== ofRequest(request).name) assert.notInclude(request.text, mark(api), `${where}: what ${api} signed`)
  }
}

/** One conversation with a run of every kind that the model can do; all its requests are legal. */
const conversation = (family: Family) =>
  Effect.gen(function*() {
    let history: ReadonlyArray<Prompt.Message> = []
    for (const kind of kinds.filter((kind) => kind !== "image" && can(family, kind))) {
      const { error, messages, requests } = yield* run(family, kind, { history })
      if (kind !== "cut off") assert.isUndefined(error, `${idOf(family)}: ${kind}`)
      requests.forEach((request, index) => expectLegal(request, `${idOf(family)}: ${kind}, request ${index + 1}`))
      assert.isAbove(messages.length, history.length, `${idOf(family)}: ${kind}`)
      history = messages
    }
    return history
  })

describe("a history made under one model is legal for every other", () => {
  for (const from of all) {
    it.effect(`made under ${idOf(from)}`, () =>
      Effect.gen(function*() {
        const history = yield* conversation(from)
        yield* Effect.forEach(all, (to) =>
          Effect.gen(function*() {
            const where = `${idOf(from)} to ${idOf(to)}`
            const { error, requests } = yield* run(to, "text", { history })
            assert.isUndefined(error, where)
            for (const request of requests) expectLegal(request, where)
            if (!from.tools) return
            const [first, ...more] = apiOf(to).read(requests[0]!).results
            assert.include(first, "Sunny in Tokyo", `${where}: the first result`)
            assert.isAbove(more.length, 3, `${where}: the others`)
            // what the same wire API signed goes back to it
            const back = from.reasons && to.reasons && from.back && apiOf(from) === apiOf(to)
            if (back && signed.includes(apiOf(to).name)) {
              assert.include(requests[0]!.text, mark(apiOf(to).name), `${where}: reasoning`)
            }
          }).pipe(Effect.scoped), { discard: true })
      }))
  }

  it.effect("an image that a user once showed is shown to all that see, and refused for the others", () =>
    Effect.gen(function*() {
      for (const from of wireApis.flatMap(({ name }) => families[name]!.findLast(({ sees }) => sees) ?? [])) {
        const history = (yield* run(from, "image")).messages
        yield* Effect.forEach(all, (to) =>
          Effect.gen(function*() {
            const where = `${idOf(from)} to ${idOf(to)}`
            const { error, requests } = yield* run(to, "text", { history })
            if (!to.sees) {
              assert.strictEqual(error?.reason._tag, "Unsupported", where)
              assert.lengthOf(requests, 0, where)
              return
            }
            assert.isUndefined(error, where)
            expectLegal(requests[0]!, where)
            assert.include(requests[0]!.text, btoa("\x89PNG").slice(0, 5), `${where}: the image`)
          }).pipe(Effect.scoped), { discard: true })
      }
    }))

  it.effect("what a vendor ran itself in two runs goes back to it, and on to every other", () =>
    Effect.gen(function*() {
      for (
        const from of wireApis.flatMap(({ name }) => families[name]!.findLast((each) => can(each, "hosted")) ?? [])
      ) {
        const first = yield* run(from, "hosted")
        const second = yield* run(from, "hosted", { history: first.messages })
        for (const request of second.requests) expectLegal(request, idOf(from))
        yield* Effect.forEach(all, (to) =>
          Effect.gen(function*() {
            const where = `${idOf(from)} to ${idOf(to)}`
            const { error, requests } = yield* run(to, "text", { history: second.messages })
            assert.isUndefined(error, where)
            for (const request of requests) expectLegal(request, where)
          }).pipe(Effect.scoped), { discard: true })
      }
    }))

  it.effect.prop(
    "a conversation whose runs are of any kind, by any models, makes legal requests only",
    {
      runs: Schema.Array(Schema.Tuple([
        Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: all.length - 1 })),
        Schema.Literals(kinds)
      ])).check(Schema.isMinLength(2), Schema.isMaxLength(6))
    },
    ({ runs }) =>
      Effect.gen(function*() {
        let history: ReadonlyArray<Prompt.Message> = []
        for (const [index, kind] of runs) {
          const family = all[index]!
          if (!can(family, kind)) continue
          const { messages, requests } = yield* run(family, kind, { history })
          for (const request of requests) expectLegal(request, `${idOf(family)}: ${kind}`)
          if (messages.length > 0) history = messages
        }
      }),
    { arbitrary: { runs: Properties.runs(40) } }
  )
})

describe("another model that goes on in the middle of a run makes legal requests", () => {
  const able = all.filter(({ tools }) => tools)

  for (const from of able) {
    it.effect(`after ${idOf(from)}`, () =>
      Effect.forEach(able, (to) =>
        Effect.gen(function*() {
          const where = `${idOf(from)} to ${idOf(to)}`
          const { error, requests } = yield* run(from, "tools", { switchTo: to })
          assert.isUndefined(error, where)
          assert.lengthOf(requests, 3, where)
          for (const request of requests) expectLegal(request, where)
          for (const request of requests.slice(1)) {
            assert.strictEqual(ofRequest(request), apiOf(to), where)
            const said = apiOf(to).read(request)
            assert.deepStrictEqual(said.tools, ["get_weather", "get_time"], `${where}: tools`)
            assert.strictEqual(said.maxTokens, 3000, `${where}: the limit of tokens`)
            assert.include(said.results[0], "Sunny in Tokyo", `${where}: the first result`)
            assert.include(said.results[1], "no clock in Oslo", `${where}: the second, which failed`)
          }
        }).pipe(Effect.scoped), { discard: true }))
  }
})

describe("a fallback that takes over in the middle of a run makes legal requests", () => {
  const newest = wireApis.map(({ name }) => families[name]!.findLast(({ tools }) => tools)!)

  for (const from of newest) {
    for (const to of newest.filter((family) => family !== from)) {
      it.effect(`${idOf(to)} after ${idOf(from)}`, () =>
        Effect.gen(function*() {
          const server = yield* VendorServer.make((request, index) => {
            const api = ofRequest(request)
            if (index > 0 && api === apiOf(from)) return { status: 503, body: `{"error":{"message":"overloaded"}}` }
            const now = api === apiOf(from) ? from : to
            const reasoning = now.reasons ? "Hm." : undefined
            return api.reply(index === 0 ? { reasoning, calls } : { reasoning, text: "Sunny." }, true, index, now)
          })
          const agent = Agent.make("a", {
            instructions: "i",
            model: Models.fallback([idOf(from), idOf(to)], { circuit: false }),
            tools: [getWeather, getTime],
            reasoning: "low"
          })
          const result = yield* Effect.provide(agent.result("Tokyo?"), models(server.url))
          assert.strictEqual(result.output, "Sunny.")
          for (const request of server.requests) expectLegal(request, ofRequest(request).name)
          const last = server.requests.at(-1)!
          assert.strictEqual(ofRequest(last), apiOf(to))
          assert.lengthOf(apiOf(to).read(last).results, 2)
        }))
    }
  }
})
