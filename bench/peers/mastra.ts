/** Mastra: an `Agent` over the same hand-written `LanguageModelV4` that the AI SDK gets. */
import type { Contender } from "../measure/Contender.ts"
import { load } from "../measure/Peers.ts"
import * as Script from "../measure/Script.ts"
import { makeModel } from "./ai-sdk.ts"

interface Agents {
  readonly Agent: new(options: object) => {
    readonly generate: (input: unknown, options: object) => Promise<{ readonly text: string }>
    readonly stream: (input: unknown, options: object) => Promise<{ readonly textStream: AsyncIterable<string> }>
  }
}
interface Tools {
  readonly createTool: (options: object) => object
}
interface Zod {
  readonly z: { readonly object: (fields: object) => object; readonly string: () => object }
}

export const contender: Contender = {
  prepare: async (scenario) => {
    const { Agent } = await load<Agents>("@mastra/core/agent")
    const { createTool } = await load<Tools>("@mastra/core/tools")
    const { z } = await load<Zod>("zod")
    const agent = new Agent({
      id: "assistant",
      name: "assistant",
      instructions: Script.INSTRUCTIONS,
      model: makeModel(scenario),
      tools: scenario.toolTurns === undefined ? {} : {
        [Script.TOOL]: createTool({
          id: Script.TOOL,
          description: Script.TOOL_DESCRIPTION,
          inputSchema: z.object({ city: z.string() }),
          execute: async ({ city }: { readonly city: string }) => Script.weatherIn(city)
        })
      }
    })
    const history = Script.history(scenario).map(({ role, text }) => ({ role, content: text }))
    const input = () =>
      history.length === 0 ? Script.QUESTION : [...history, { role: "user", content: Script.QUESTION }]
    const options = { maxSteps: (scenario.toolTurns ?? 0) + 1 }
    return scenario.deltas === undefined
      ? async () => (await agent.generate(input(), options)).text
      : async () => {
        let text = ""
        for await (const delta of (await agent.stream(input(), options)).textStream) text += delta
        return text
      }
  }
}
