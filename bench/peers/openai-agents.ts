/** OpenAI Agents: a `Runner` with tracing off over a hand-written `Model`. */
import type { Contender } from "../measure/Contender.ts"
import { load } from "../measure/Peers.ts"
import * as Script from "../measure/Script.ts"

interface Agents {
  readonly Agent: new(options: object) => object
  readonly Runner: new(options: object) => {
    readonly run: (agent: object, input: unknown, options: object) => Promise<{
      readonly finalOutput: string
      readonly toTextStream: () => AsyncIterable<string>
      readonly completed: Promise<void>
    }>
  }
  readonly Usage: new(usage: object) => object
  readonly tool: (options: object) => object
}
interface Zod {
  readonly z: { readonly object: (fields: object) => object; readonly string: () => object }
}
interface Request {
  readonly input: string | ReadonlyArray<{ readonly type?: string; readonly callId?: string }>
}

export const contender: Contender = {
  prepare: async (scenario) => {
    const { Agent, Runner, tool, Usage } = await load<Agents>("@openai/agents")
    const { z } = await load<Zod>("zod")
    const pieces = Script.deltas(scenario)
    const answer = Script.answer(scenario)
    const gate = scenario.concurrent === undefined ? undefined : Script.makeGate(scenario.concurrent)
    const output = (request: Request) => {
      const last = typeof request.input === "string" ? undefined : request.input[request.input.length - 1]
      const turn = Script.turnAfter(last?.type === "function_call_result" ? last.callId : undefined)
      return Script.callsTool(scenario, turn)
        ? {
          type: "function_call",
          callId: Script.callId(turn),
          name: Script.TOOL,
          status: "completed",
          arguments: Script.ARGUMENTS
        }
        : {
          type: "message",
          id: "message_0",
          role: "assistant",
          status: "completed",
          content: [{ type: "output_text", text: answer }]
        }
    }
    const usage = {
      inputTokens: Script.USAGE.input,
      outputTokens: Script.USAGE.output,
      totalTokens: Script.USAGE.input + Script.USAGE.output
    }
    const model = {
      getResponse: async (request: Request) => {
        if (gate !== undefined) await gate()
        return { usage: new Usage(usage), output: [output(request)] }
      },
      getStreamedResponse: async function*(request: Request) {
        if (gate !== undefined) await gate()
        const item = output(request)
        yield { type: "response_started" }
        if (item.type === "message") { for (const delta of pieces) yield { type: "output_text_delta", delta } }
        yield { type: "response_done", response: { id: "response_0", usage, output: [item] } }
      }
    }
    const agent = new Agent({
      name: "assistant",
      instructions: Script.INSTRUCTIONS,
      model,
      tools: scenario.toolTurns === undefined ? [] : [
        tool({
          name: Script.TOOL,
          description: Script.TOOL_DESCRIPTION,
          parameters: z.object({ city: z.string() }),
          execute: async ({ city }: { readonly city: string }) => Script.weatherIn(city)
        })
      ]
    })
    const runner = new Runner({ tracingDisabled: true })
    const history = Script.history(scenario).map(({ role, text }) =>
      role === "user"
        ? { role, content: text }
        : { role, status: "completed", content: [{ type: "output_text", text }] }
    )
    const input = () =>
      history.length === 0 ? Script.QUESTION : [...history, { role: "user", content: Script.QUESTION }]
    const options = { maxTurns: (scenario.toolTurns ?? 0) + 1 }
    return scenario.deltas === undefined
      ? async () => (await runner.run(agent, input(), options)).finalOutput
      : async () => {
        const result = await runner.run(agent, input(), { ...options, stream: true })
        let text = ""
        for await (const delta of result.toTextStream()) text += delta
        await result.completed
        return text
      }
  }
}
