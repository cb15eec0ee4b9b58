import { assert, describe, it } from "@effect/vitest"
import * as RetryAfter from "../../../src/provider/internal/RetryAfter.ts"

const now = Date.UTC(2026, 0, 1)
const read = (headers: Record<string, string>, message = "") => RetryAfter.read(new Headers(headers), message, now)

describe("RetryAfter", () => {
  it("reads seconds, milliseconds and dates", () => {
    assert.strictEqual(read({ "retry-after": "20" }), 20_000)
    assert.strictEqual(read({ "retry-after": "0.5" }), 500)
    assert.strictEqual(read({ "retry-after": "20", "retry-after-ms": "1234" }), 1234)
    assert.strictEqual(read({ "retry-after": "Thu, 01 Jan 2026 00:01:00 GMT" }), 60_000)
    assert.strictEqual(read({ "retry-after": "Wed, 31 Dec 2025 23:59:00 GMT" }), 0)
  })

  it("reads the resets of limits that are used up, the longest of them", () => {
    const reset = { "x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0.5s" }
    assert.strictEqual(read(reset), undefined)
    assert.strictEqual(read({ ...reset, "x-ratelimit-remaining-requests": "0" }), 1000)
    assert.strictEqual(
      read({ ...reset, "x-ratelimit-remaining-requests": "0", "x-ratelimit-remaining-tokens": "0" }),
      360_500
    )
    const anthropic = {
      "anthropic-ratelimit-input-tokens-remaining": "0",
      "anthropic-ratelimit-input-tokens-reset": "2026-01-01T00:00:09Z",
      "anthropic-ratelimit-requests-remaining": "3",
      "anthropic-ratelimit-requests-reset": "2026-01-01T00:01:00Z"
    }
    assert.strictEqual(read(anthropic), 9000)
    assert.strictEqual(read({ "x-ratelimit-reset": String(now + 5000) }), 5000)
    assert.strictEqual(read({ "x-ratelimit-reset": String(now / 1000 + 5) }), 5000)
    assert.strictEqual(read({ "x-ratelimit-reset": "5" }), 5000)
  })

  it("reads the vendor's sentence when there is nothing else", () => {
    assert.strictEqual(read({}, "Rate limit reached. Please try again in 1m2.5s. Visit …"), 62_500)
    assert.strictEqual(RetryAfter.read(undefined, "Please retry again in 20ms.", now), 20)
    assert.strictEqual(read({}, "You exceeded your quota.\nPlease retry in 34.5s."), 34_500)
  })

  it("takes nonsense for nothing", () => {
    for (const value of ["soon", "-5", "", " ", "NaN", "Infinity", "1e999"]) {
      assert.strictEqual(read({ "retry-after": value }), undefined, value)
    }
    assert.strictEqual(RetryAfter.parseSpan("6m junk"), undefined)
  })
})
