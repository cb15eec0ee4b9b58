import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Prompt } from "effect/ai"
import { Capabilities, type ModelOptions } from "fluxion"

const Can = Schema.Struct({
  tools: Schema.Boolean,
  parallelTools: Schema.Boolean,
  forcedToolChoice: Schema.Boolean,
  structuredOutput: Schema.Boolean,
  outputWithTools: Schema.Boolean,
  vision: Schema.Boolean,
  files: Schema.Boolean,
  reasoning: Schema.Boolean,
  reasoningWithForcedChoice: Schema.Boolean,
  reasoningFrom: Schema.Literals([0, 1025]),
  stopSequences: Schema.Boolean,
  sampling: Schema.Boolean,
  seed: Schema.Boolean
})

const Options = Schema.Struct({
  maxTokens: Schema.optionalKey(Schema.Int),
  temperature: Schema.optionalKey(Schema.Finite),
  topP: Schema.optionalKey(Schema.Finite),
  seed: Schema.optionalKey(Schema.Int),
  stopSequences: Schema.optionalKey(Schema.Array(Schema.String)),
  reasoning: Schema.optionalKey(Schema.Literals(["low", "medium", "high"])),
  stream: Schema.optionalKey(Schema.Boolean)
})

const Choice = Schema.Union([
  Schema.Literals(["auto", "none", "required"]),
  Schema.Struct({ tool: Schema.String }),
  Schema.Struct({ mode: Schema.Literals(["auto", "required"]), oneOf: Schema.Array(Schema.String) })
])

const Media = Schema.Literals(["image/png", "application/pdf", "text/csv"])

const user = (media: ReadonlyArray<string>) =>
  Prompt.makeMessage("user", {
    content: media.map((mediaType) => Prompt.makePart("file", { mediaType, data: new Uint8Array() }))
  })

/** A hint, and what a model has to be able to do to take it. */
const hints = [["temperature", "sampling"], ["topP", "sampling"], ["seed", "seed"]] as const

describe("Capabilities.check", () => {
  it.prop("a need that cannot be met is named with advice; what is met leaves out exactly the hints it does not take", {
    can: Can,
    options: Options,
    toolChoice: Choice,
    tools: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })),
    media: Schema.Array(Media)
  }, ({ can, media, options, toolChoice, tools }) => {
    const verdict = Capabilities.check(can, { messages: [user(media)], tools, toolChoice, options })
    const isForced = toolChoice === "required"
      || (typeof toolChoice === "object" && ("tool" in toolChoice || toolChoice.mode === "required"))
    const unmet = [
      ["tools", tools > 0 && !can.tools],
      ["toolChoice", isForced && !can.forcedToolChoice],
      ["stopSequences", options.stopSequences !== undefined && !can.stopSequences],
      ["images", media.includes("image/png") && !can.vision],
      ["files of type", media.some((type) => type !== "image/png") && !can.files]
    ].flatMap(([feature, is]) => is ? [feature as string] : [])
    if (verdict._tag === "Unmet") {
      assert.isTrue(unmet.some((feature) => verdict.feature.startsWith(feature)), `${verdict.feature} of ${unmet}`)
      assert.isAbove(verdict.advice.length, 0)
      return
    }
    assert.deepStrictEqual(unmet, [])
    const omitted: Array<keyof ModelOptions.ModelOptions> = hints.flatMap(([key, capability]) =>
      options[key] !== undefined && !can[capability] ? [key] : []
    )
    const reasons = can.reasoning && (can.reasoningWithForcedChoice || !isForced)
      && (options.maxTokens === undefined || options.maxTokens >= can.reasoningFrom)
    if (options.reasoning !== undefined && !reasons) omitted.push("reasoning")
    assert.deepStrictEqual(verdict.omitted, omitted)
    const left: Partial<Record<keyof ModelOptions.ModelOptions, unknown>> = { ...options }
    for (const key of omitted) delete left[key]
    assert.deepStrictEqual(verdict.options, left)
    if (omitted.length === 0) assert.strictEqual(verdict.options, options)
  })

  it("a model of which nothing is known is tried with everything", () => {
    const options = { temperature: 1, seed: 1, reasoning: "high", stopSequences: ["x"] } as const
    const demand = { messages: [user(["image/png", "text/csv"])], tools: 9, toolChoice: "required", options } as const
    assert.deepStrictEqual(Capabilities.check(Capabilities.all, demand), { _tag: "Met", options, omitted: [] })
  })

  it("a call is forced only where that costs no reasoning that was asked for", () => {
    const claude = { ...Capabilities.all, reasoningWithForcedChoice: false }
    assert.isTrue(Capabilities.canForce(Capabilities.all, { reasoning: "low" }))
    assert.isFalse(Capabilities.canForce(claude, { reasoning: "low" }))
    assert.isTrue(Capabilities.canForce(claude, {}))
    assert.isTrue(Capabilities.canForce({ ...claude, reasoning: false }, { reasoning: "low" }))
    assert.isFalse(Capabilities.canForce({ ...Capabilities.all, forcedToolChoice: false }, {}))
  })

  it("messages that were checked before are not looked at again", () => {
    const blind = { ...Capabilities.all, vision: false }
    const demand = { messages: [user(["image/png"]), user([])], tools: 0, toolChoice: "none", options: {} } as const
    assert.strictEqual(Capabilities.check(blind, demand)._tag, "Unmet")
    assert.strictEqual(Capabilities.check(blind, demand, 1)._tag, "Met")
  })
})

describe("Capabilities.resolve", () => {
  it("every matching rule applies, in order; a name is matched whole, a pattern anywhere", () => {
    const rules = [
      { model: /^o\d/, is: { sampling: false } },
      { model: "o1", is: { tools: false, sampling: true } },
      { model: "o", is: { vision: false } }
    ]
    assert.deepStrictEqual(Capabilities.resolve("o1", rules), { ...Capabilities.all, tools: false })
    assert.deepStrictEqual(Capabilities.resolve("o3-mini", rules), { ...Capabilities.all, sampling: false })
    assert.strictEqual(Capabilities.resolve("gpt-5", rules), Capabilities.all)
    const base = { ...Capabilities.all, files: false }
    assert.deepStrictEqual(Capabilities.resolve("o1", rules, base), { ...base, tools: false })
  })
})
