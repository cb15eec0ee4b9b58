import { assert, describe, it } from "@effect/vitest"
import { LeftToOthers } from "../../src/durable/internal/LeftToOthers.ts"

const entries = ["mine", "theirs"].map((id) => ({ id }))
const ids = (taken: ReadonlyArray<{ readonly id: string }>) => taken.map(({ id }) => id)

describe("executions that another process is to take up", () => {
  it("are left to it for a while, counted from the first look that sees them; one's own are taken at once", () => {
    const left = new LeftToOthers({ isHere: (id) => id === "mine", leaveFor: 10 })
    left.look()
    assert.deepStrictEqual(ids(left.take(entries, 100)), ["mine"])
    assert.deepStrictEqual(ids(left.take(entries, 109)), ["mine"])
    left.look()
    assert.deepStrictEqual(ids(left.take(entries, 110)), ["mine", "theirs"])
  })

  it("are left anew when they were gone between two looks", () => {
    const left = new LeftToOthers({ isHere: () => false, leaveFor: 10 })
    left.look()
    left.take(entries, 100)
    left.look()
    left.look()
    assert.deepStrictEqual(left.take(entries, 120), [])
    assert.deepStrictEqual(ids(left.take(entries, 130)), ["mine", "theirs"])
  })
})
