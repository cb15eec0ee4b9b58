/**
 * The floor over HTTP: a hand-written loop over the vendor's own SDK, streamed as an agent streams it, or whole. No
 * library over this SDK can be cheaper.
 */
import OpenAI from "openai"
import type { Contender } from "../measure/Contender.ts"
import * as Script from "../measure/Script.ts"

export const contender: Contender = {
  prepare: async (scenario) => {
    const client = new OpenAI({ apiKey: "none", baseURL: `${scenario.url}/v1`, maxRetries: 0 })
    const tools: Array<OpenAI.Responses.Tool> = scenario.toolTurns === undefined ? [] : [{
      type: "function",
      name: Script.TOOL,
      description: Script.TOOL_DESCRIPTION,
      strict: true,
      parameters: {
        type: "object",
        properties: { city: { type: "string" } },
        required: ["city"],
        additionalProperties: false
      }
    }]
    return async () => {
      const input: Array<OpenAI.Responses.ResponseInputItem> = [
        { role: "system", content: Script.INSTRUCTIONS },
        { role: "user", content: Script.QUESTION }
      ]
      for (;;) {
        let text = ""
        const calls: Array<OpenAI.Responses.ResponseFunctionToolCall> = []
        const stream = await client.responses.create({ model: Script.MODEL, input, tools, stream: true })
        for await (const event of stream) {
          if (event.type === "response.output_text.delta") text += event.delta
          else if (event.type === "response.output_item.done" && event.item.type === "function_call") {
            calls.push(event.item)
          }
        }
        if (calls.length === 0) return text
        for (const call of calls) {
          input.push(call, {
            type: "function_call_output",
            call_id: call.call_id,
            output: Script.weatherIn(JSON.parse(call.arguments).city)
          })
        }
      }
    }
  }
}
