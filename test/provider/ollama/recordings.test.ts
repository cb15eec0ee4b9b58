import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Recordings from "../support/Recordings.ts"
import * as Recut from "../support/Recut.ts"
import * as VendorServer from "../support/VendorServer.ts"
import { call, type Part, request, summary } from "./fixtures.ts"

const recordings = Recordings.of("ollama")

const check = (parts: ReadonlyArray<Part>, { expect }: Recordings.Recording, message: string) => {
  const usage = expect.usage ?? {}
  const found = summary(parts)
  assert.deepStrictEqual(
    { ...found, usage: { ...found.usage } },
    {
      text: expect.text,
      reasoning: (expect as unknown as { readonly deltaReasoning: string }).deltaReasoning,
      calls: expect.toolCalls.map((call) => ({ name: call.name, params: call.args })),
      finish: expect.finish as never,
      usage: {
        inputTokens: usage["inputTotal"] == null ? {} : { total: usage["inputTotal"] },
        outputTokens: usage["outputTotal"] == null ? {} : { total: usage["outputTotal"] }
      }
    },
    message
  )
  const first = parts[0]
  assert.strictEqual(first?.type === "response-metadata" ? first.modelId : undefined, expect.model, message)
}

const asked = (recording: Recordings.Recording) => request({ options: { stream: recording.streaming } })

describe.skipIf(!Recordings.present)("recordings of Ollama (skipped without ../shared/recordings)", () => {
  it("are there", () => assert.isAbove(recordings.length, 0))

  for (const recording of recordings) {
    const contentType = recording.responseHeaders["content-type"]
      ?? (recording.streaming ? "application/x-ndjson" : "application/json")

    it.effect(`${recording.file}, over HTTP, decodes to what is expected`, () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([
          { status: recording.status, headers: { "content-type": contentType }, body: recording.body() }
        ])
        check(yield* call({ host: server.url }, asked(recording)), recording, "as it came")
        const received = server.requests[0]!
        assert.strictEqual(received.path, "/api/chat")
        assert.strictEqual(received.json.stream, recording.streaming)
      }))

    it.effect(`${recording.file}, cut at every byte, decodes to the same`, () =>
      Effect.gen(function*() {
        const body = recording.body()
        const answer = (cut: Recut.Cut) =>
          call({ host: "ollama.test", fetch: Recut.answer(body, cut, { contentType }) }, asked(recording))
        check(yield* answer(Recut.bytes), recording, "every byte on its own")
        const step = Math.max(1, Math.floor(body.length / 150))
        for (let offset = 1; offset < body.length; offset += step) {
          check(yield* answer(Recut.at(offset)), recording, `cut at ${offset}`)
        }
      }))
  }
})
