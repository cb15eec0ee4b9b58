/**
 * From responses to parts: by the fold alone, and through the real SDK over HTTP. One suite for providers that stream
 * server-sent events.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, type Scope } from "effect"
import { Response, type Tool } from "effect/ai"
import * as Driver from "../../../src/agent/Driver.ts"
import * as Collect from "./Collect.ts"
import * as Recut from "./Recut.ts"
import * as VendorServer from "./VendorServer.ts"

type Parts = ReadonlyArray<Response.StreamPartEncoded>
type Events = ReadonlyArray<unknown>

/** A response, and what it says. */
interface Scenario {
  readonly title: string
  readonly expect: Partial<Collect.Summary>
}

/** A provider, as far as the suite needs it. */
export interface Subject<S extends Scenario> {
  readonly scenarios: ReadonlyArray<S>
  /** A response as its events, and as a whole. */
  readonly events: (scenario: S) => Events
  readonly whole: (scenario: S) => object
  /** The events that a whole response is for the fold. */
  readonly toEvents: (whole: object) => Events
  /** What the fold makes of events; fails if it reports a failure. */
  readonly partsOf: (events: Events) => Parts
  /** The events as servers send them: all these texts mean the same. */
  readonly bodies: (scenario: S) => readonly [string, ...ReadonlyArray<string>]
  /** The one that is cut in two everywhere, as a text of its own where that asks more. */
  readonly cut: readonly [S, body: string]
  readonly driver: (url: string, fetch?: typeof globalThis.fetch) => Effect.Effect<Driver.Driver, unknown, Scope.Scope>
  readonly tools?: ReadonlyArray<Tool.Any>
  /** What a whole response has in common with a streamed one. Default: all but the deltas. */
  readonly joined?: (parts: Parts) => unknown
  /** Parts without what no two drivers have in common. */
  readonly normalize?: (parts: Parts) => Parts
  /** The events of a call with these arguments, which come in pieces of a size, where they do. */
  readonly call?: (json: string, size: number) => Events
}

/** The suite. */
export const suite = <S extends Scenario>(subject: Subject<S>): void => {
  const { call, events, joined = Driver.joinParts, normalize = (parts) => parts, partsOf, tools = [] } = subject

  const ask = (driver: Driver.Driver, stream: boolean) =>
    Effect.map(Collect.parts(driver, Collect.request("Hello", { tools, options: { stream } })), normalize)

  const overHttp = (reply: VendorServer.Reply, stream: boolean, fetch?: typeof globalThis.fetch) =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([reply])
      return yield* ask(yield* Effect.orDie(subject.driver(server.url, fetch)), stream)
    })

  describe("responses", () => {
    for (const scenario of subject.scenarios) {
      it(`${scenario.title}: the fold gives legal parts that mean what was said`, () => {
        const parts = partsOf(events(scenario))
        assert.deepStrictEqual(Collect.violations(parts), [])
        const summary = Collect.summarize(parts)
        for (const [key, value] of Object.entries(scenario.expect)) {
          assert.deepStrictEqual(summary[key as keyof Collect.Summary], value, key)
        }
      })

      it(`${scenario.title}: the whole response gives the same parts, deltas aside`, () => {
        const parts = partsOf(subject.toEvents(subject.whole(scenario)))
        assert.deepStrictEqual(Collect.violations(parts), [])
        assert.deepStrictEqual(joined(parts), joined(partsOf(events(scenario))))
      })

      it.effect(`${scenario.title}: through the SDK it is the same, streamed, whole, and in single bytes`, () =>
        Effect.gen(function*() {
          const expected = normalize(partsOf(events(scenario)))
          for (const body of subject.bodies(scenario)) {
            const streamed = { headers: { "content-type": "text/event-stream; charset=utf-8" }, body }
            assert.deepStrictEqual(yield* overHttp(streamed, true), expected)
            assert.deepStrictEqual(yield* overHttp(streamed, true, Recut.fetch(Recut.bytes)), expected)
          }
          const body = JSON.stringify(subject.whole(scenario))
          const whole = yield* overHttp({ headers: { "content-type": "application/json" }, body }, false)
          assert.deepStrictEqual(joined(whole), joined(expected))
        }))
    }

    it.effect("a body is decoded the same wherever it is cut in two", () =>
      Effect.gen(function*() {
        const [scenario, text] = subject.cut
        const body = new TextEncoder().encode(text)
        const expected = normalize(partsOf(events(scenario)))
        let at = 0
        const driver = yield* Effect.orDie(subject.driver("http://127.0.0.1:9", (input, init) =>
          Recut.answer(body, Recut.at(at), { contentType: "text/event-stream" })(input, init)))
        for (at = 0; at <= body.length; at += 3) {
          assert.deepStrictEqual(yield* ask(driver, true), expected)
        }
      }))

    it("parts are what effect/ai decodes", () => {
      const decode = Schema.decodeUnknownSync(Response.StreamPart({ tools: {} } as never))
      for (const scenario of subject.scenarios) {
        for (const part of partsOf(events(scenario))) {
          if (part.type !== "tool-call" && part.type !== "tool-result") decode(part)
        }
      }
    })

    if (call === undefined) return
    it.effect.prop(
      "arguments that are JSON arrive parsed, however they are cut",
      {
        params: Schema.Record(Schema.String, Schema.Json),
        size: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))
      },
      ({ params, size }) =>
        Effect.sync(() => {
          const json = JSON.stringify(params)
          const [found] = Collect.summarize(partsOf(call(json, size))).calls
          // These are left as text, since they could change more than the arguments.
          const isUnsafe = /__proto__|constructor/.test(json)
          assert.deepStrictEqual(found?.params, isUnsafe && typeof found?.params === "string" ? json : JSON.parse(json))
        })
    )
  })
}
