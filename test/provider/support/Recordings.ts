/**
 * Recordings of real vendor traffic, which are kept outside of the project: tests over them skip where they are not.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import type { AiError, Response } from "effect/ai"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Driver } from "../../../src/agent/Driver.ts"
import * as Collect from "./Collect.ts"
import * as Recut from "./Recut.ts"
import * as VendorServer from "./VendorServer.ts"

/** The folder of the recordings. */
export const folder = process.env["FLUXION_RECORDINGS"]
  ?? Path.resolve(import.meta.dirname, "../../../../shared/recordings")

/** Whether they are there. */
export const present: boolean = Fs.existsSync(Path.join(folder, "index.json"))

/** What a recording is expected to decode to. */
export interface Expected {
  readonly text: string
  readonly refusal: string | null
  readonly reasoning: ReadonlyArray<{
    readonly id?: string
    readonly summary?: string
    readonly content?: string
    readonly encrypted?: boolean
    readonly text?: string
  }>
  readonly toolCalls: ReadonlyArray<
    { readonly id: string; readonly itemId?: string; readonly name: string; readonly args: unknown }
  >
  readonly providerItems: ReadonlyArray<string>
  readonly finishRaw: string
  readonly finish: string
  readonly usage: { readonly [count: string]: number | null } | null
  readonly responseId: string
  readonly model: string
  readonly error?: {
    readonly status: number | null
    readonly code: string | null
    readonly type: string | null
    readonly param: string | null
    readonly message: string
  }
}

/** One recorded response. */
export interface Recording {
  readonly file: string
  readonly api: string
  readonly streaming: boolean
  readonly status: number
  readonly responseHeaders: { readonly [name: string]: string }
  readonly expect: Expected
  readonly body: () => Uint8Array
}

/** The recordings of one API; none where they are not. */
export const of = (api: string): ReadonlyArray<Recording> =>
  present
    ? (JSON.parse(Fs.readFileSync(Path.join(folder, "index.json"), "utf8")) as ReadonlyArray<Omit<Recording, "body">>)
      .filter((recording) => recording.api === api)
      .map((recording) => ({
        ...recording,
        body: () => new Uint8Array(Fs.readFileSync(Path.join(folder, recording.file)))
      }))
    : []

type Parts = ReadonlyArray<Response.StreamPartEncoded>

/** A provider, as far as the suite needs it. */
export interface Subject {
  readonly title: string
  readonly recordings: ReadonlyArray<Recording>
  readonly driver: (url: string, fetch?: typeof globalThis.fetch) => Effect.Effect<Driver, unknown, Scope.Scope>
  /** The path of the request of a recording. */
  readonly path: (recording: Recording) => string
  /** Compares parts with what an independent parser read from the recording. */
  readonly check: (recording: Recording, parts: Parts) => void
  /** Compares the error with the one that was recorded. */
  readonly checkError: (recording: Recording, error: AiError.AiError) => void
  /** Parts without what no two drivers have in common. */
  readonly normalize?: (parts: Parts) => unknown
}

/**
 * Recorded traffic, served over HTTP, through the real SDK: it decodes to what an independent parser read from it, also
 * when it is cut at every byte, or in two anywhere. One suite for providers that stream server-sent events.
 */
export const suite = (subject: Subject): void => {
  const { check, driver, normalize = (parts) => parts, recordings } = subject

  // who kept some of the streams has kept another type with them
  const typeOf = ({ responseHeaders, streaming }: Recording) => {
    const kept = responseHeaders["content-type"]
    return streaming
      ? kept?.startsWith("text/event-stream") ? kept : "text/event-stream"
      : kept ?? "application/json"
  }

  const call = (
    recording: Recording,
    { fetch, stream = recording.streaming }: { readonly fetch?: typeof globalThis.fetch; readonly stream?: boolean } =
      {}
  ) =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([{
        status: recording.status,
        headers: { ...recording.responseHeaders, "content-type": typeOf(recording) },
        body: recording.body()
      }])
      const model = yield* Effect.orDie(driver(server.url, fetch))
      const outcome = yield* Effect.exit(Collect.parts(model, Collect.request("Hello", { options: { stream } })))
      if (stream === recording.streaming) assert.strictEqual(server.requests[0]!.path, subject.path(recording))
      return yield* outcome
    })

  const fetches = [undefined, Recut.fetch(Recut.bytes)]
  // a server may answer whole where a stream was asked for
  const streamsOf = ({ streaming }: Recording) => streaming ? [true] : [false, true]

  describe.skipIf(!present)(`recordings of ${subject.title} (../shared/recordings)`, () => {
    it("are there", () => assert.isAbove(recordings.length, 10))

    for (const recording of recordings.filter(({ expect }) => expect.error === undefined)) {
      it.effect(`${recording.file} decodes to what it says`, () =>
        Effect.gen(function*() {
          const parts = yield* call(recording)
          assert.deepStrictEqual(Collect.violations(parts), [])
          check(recording, parts)
          for (const fetch of fetches) {
            for (const stream of streamsOf(recording)) {
              const again = yield* call(recording, { stream, ...(fetch === undefined ? {} : { fetch }) })
              assert.deepStrictEqual(normalize(again), normalize(parts))
            }
          }
        }))
    }

    for (const recording of recordings.filter(({ expect }) => expect.error !== undefined)) {
      it.effect(`${recording.file} fails with its typed error`, () =>
        Effect.gen(function*() {
          for (const fetch of fetches) {
            for (const stream of streamsOf(recording)) {
              const asked = { stream, ...(fetch === undefined ? {} : { fetch }) }
              subject.checkError(recording, yield* Effect.flip(call(recording, asked)))
            }
          }
        }))
    }

    // Without a network, since every offset of every stream is many responses.
    for (const recording of recordings.filter(({ streaming }) => streaming)) {
      it.effect(`${recording.file} gives the same parts wherever it is cut in two`, () =>
        Effect.gen(function*() {
          const body = recording.body()
          let cut = 0
          const model = yield* Effect.orDie(driver("http://127.0.0.1:9", (input, init) =>
            Recut.answer(body, Recut.at(cut), { contentType: "text/event-stream" })(input, init)))
          const outcome = Effect.match(Collect.parts(model), {
            onFailure: ({ message }) =>
              message,
            onSuccess: normalize
          })
          const whole = yield* outcome
          const step = Math.max(1, Math.floor(body.length / 300))
          for (cut = 1; cut < body.length; cut += step) assert.deepStrictEqual(yield* outcome, whole)
        }))
    }
  })
}
