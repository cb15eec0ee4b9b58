import { assert, describe, it } from "@effect/vitest"
import * as OllamaCapabilities from "../../../src/provider/ollama/OllamaCapabilities.ts"

describe("OllamaCapabilities", () => {
  for (
    const [model, tools, vision, reasoning] of [
      ["llama3.2", true, false, false],
      ["llama3.2:3b", true, false, false],
      ["llama3.2-vision:11b", false, true, false],
      ["llama3", false, false, false],
      ["llava", false, true, false],
      ["llava:13b", false, true, false],
      ["moondream", false, true, false],
      ["gemma3:4b", false, true, false],
      ["gemma3:1b-it-qat", false, false, false],
      ["qwen2.5vl", true, true, false],
      ["qwen3:8b", true, false, true],
      ["qwen3:30b-a3b-instruct-2507-q4_K_M", true, false, false],
      ["qwen3-coder:480b-cloud", true, false, false],
      ["gpt-oss:120b-cloud", true, false, true],
      ["deepseek-r1:14b-qwen-distill-q8_0", true, false, true],
      ["somebody/llava-with-tools", true, true, false],
      ["hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q8_0", true, true, false]
    ] as const
  ) {
    it(`knows ${model}`, () => assert.deepInclude(OllamaCapabilities.of(model), { tools, vision, reasoning }))
  }

  it("knows what the API cannot do, whatever the model", () => {
    assert.deepInclude(OllamaCapabilities.of("anything"), {
      forcedToolChoice: false,
      outputWithTools: false,
      files: false,
      stopSequences: true,
      sampling: true,
      seed: true
    })
  })

  it("lets users correct a row", () => {
    assert.isTrue(OllamaCapabilities.of("llava", [{ model: /llava/, is: { tools: true } }]).tools)
  })
})
