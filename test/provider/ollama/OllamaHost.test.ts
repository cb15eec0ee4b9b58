import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import * as OllamaHost from "../../../src/provider/ollama/OllamaHost.ts"

const url = (address: string) => Result.getOrThrow(OllamaHost.parse(address)).url

describe("OllamaHost", () => {
  for (
    const [address, expected] of [
      ["", "http://127.0.0.1:11434"],
      ["  ", "http://127.0.0.1:11434"],
      ["127.0.0.1", "http://127.0.0.1:11434"],
      ["127.0.0.1:11434", "http://127.0.0.1:11434"],
      [" \"127.0.0.1:11434\" ", "http://127.0.0.1:11434"],
      ["0.0.0.0", "http://127.0.0.1:11434"],
      ["0.0.0.0:8080", "http://127.0.0.1:8080"],
      ["http://0.0.0.0:8080", "http://127.0.0.1:8080"],
      [":8080", "http://127.0.0.1:8080"],
      ["[::]", "http://[::1]:11434"],
      ["::1", "http://[::1]:11434"],
      ["[::1]:8080", "http://[::1]:8080"],
      ["fe80::1", "http://[fe80::1]:11434"],
      ["__proto__", "http://__proto__:11434"],
      ["localhost", "http://localhost:11434"],
      ["gpu-box", "http://gpu-box:11434"],
      ["gpu-box:80", "http://gpu-box"],
      ["gpu-box:8080/ollama/", "http://gpu-box:8080/ollama"],
      ["http://gpu-box", "http://gpu-box"],
      ["http://gpu-box:11434/", "http://gpu-box:11434"],
      ["HTTPS://Ollama.com", "https://ollama.com"],
      ["https://example.com:8443/api//", "https://example.com:8443/api"]
    ] as const
  ) {
    it(`reads ${JSON.stringify(address)}`, () => assert.strictEqual(url(address), expected))
  }

  for (
    const address of [
      "http://",
      "my host",
      "localhost:port",
      "127.0.0.1:99999",
      "ftp://host",
      "host?x=1",
      "http://h#f",
      "http://%:%@h"
    ]
  ) {
    it(`refuses ${JSON.stringify(address)}`, () => assert.isTrue(Result.isFailure(OllamaHost.parse(address))))
  }

  it("takes credentials out of the address, since fetch refuses them there", () => {
    assert.deepStrictEqual(Result.getOrThrow(OllamaHost.parse("https://me:p%40ss@example.com")), {
      url: "https://example.com",
      authorization: `Basic ${btoa("me:p@ss")}`
    })
    assert.notInclude(url("http://:hidden@example.com"), "hidden")
  })

  it.effect.prop(
    "gives an address that reads as itself, or says what is wrong",
    { address: Schema.String },
    ({ address }) =>
      Effect.sync(() => {
        const parsed = OllamaHost.parse(address)
        if (Result.isSuccess(parsed)) assert.strictEqual(url(parsed.success.url), parsed.success.url)
        else assert.isNotEmpty(parsed.failure)
      })
  )
})
