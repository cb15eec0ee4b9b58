/** LangGraph.js: its prebuilt ReAct agent over a hand-written chat model. */
import type { Contender } from "../measure/Contender.ts"
import { load } from "../measure/Peers.ts"
import * as Script from "../measure/Script.ts"

interface Message {
  readonly type: string
  readonly tool_call_id?: string
  readonly text: string
}
interface Prebuilt {
  readonly createReactAgent: (options: object) => {
    readonly invoke: (input: object, options: object) => Promise<{ readonly messages: ReadonlyArray<Message> }>
    readonly stream: (input: object, options: object) => Promise<AsyncIterable<readonly [Message, object]>>
  }
}
interface Messages {
  readonly AIMessage: new(fields: object) => Message
  readonly AIMessageChunk: new(fields: object) => Message
}
interface ChatModels {
  readonly BaseChatModel: new(fields: object) => object
}
interface Outputs {
  readonly ChatGenerationChunk: new(fields: object) => object
}
interface Tools {
  readonly tool: (run: (input: { readonly city: string }) => Promise<string>, options: object) => object
}
interface Zod {
  readonly z: { readonly object: (fields: object) => object; readonly string: () => object }
}
interface Manager {
  readonly handleLLMNewToken: (
    text: string,
    index: undefined,
    run: undefined,
    parent: undefined,
    tags: undefined,
    fields: object
  ) => Promise<void>
}

export const contender: Contender = {
  prepare: async (scenario) => {
    const { createReactAgent } = await load<Prebuilt>("@langchain/langgraph/prebuilt")
    const { AIMessage, AIMessageChunk } = await load<Messages>("@langchain/core/messages")
    const { BaseChatModel } = await load<ChatModels>("@langchain/core/language_models/chat_models")
    const { ChatGenerationChunk } = await load<Outputs>("@langchain/core/outputs")
    const { tool } = await load<Tools>("@langchain/core/tools")
    const { z } = await load<Zod>("zod")
    const pieces = Script.deltas(scenario)
    const answer = Script.answer(scenario)
    const gate = scenario.concurrent === undefined ? undefined : Script.makeGate(scenario.concurrent)
    const usage_metadata = {
      input_tokens: Script.USAGE.input,
      output_tokens: Script.USAGE.output,
      total_tokens: Script.USAGE.input + Script.USAGE.output
    }
    const next = (messages: ReadonlyArray<Message>) => {
      const last = messages[messages.length - 1]!
      const turn = Script.turnAfter(last.type === "tool" ? last.tool_call_id : undefined)
      return Script.callsTool(scenario, turn) ? turn : undefined
    }
    class Scripted extends BaseChatModel {
      _llmType() {
        return "script"
      }
      bindTools() {
        return this
      }
      async _generate(messages: ReadonlyArray<Message>) {
        if (gate !== undefined) await gate()
        const turn = next(messages)
        const message = turn === undefined
          ? new AIMessage({ content: answer, usage_metadata })
          : new AIMessage({
            content: "",
            usage_metadata,
            tool_calls: [{ id: Script.callId(turn), name: Script.TOOL, args: { city: Script.CITY }, type: "tool_call" }]
          })
        return { generations: [{ text: message.text, message }] }
      }
      async *_streamResponseChunks(messages: ReadonlyArray<Message>, _options: object, manager?: Manager) {
        if (gate !== undefined) await gate()
        const turn = next(messages)
        const chunk = (text: string, fields: object) =>
          new ChatGenerationChunk({ text, message: new AIMessageChunk({ content: text, ...fields }) })
        if (turn !== undefined) {
          yield chunk("", {
            tool_call_chunks: [{
              id: Script.callId(turn),
              name: Script.TOOL,
              args: Script.ARGUMENTS,
              index: 0,
              type: "tool_call_chunk"
            }],
            usage_metadata
          })
          return
        }
        for (const delta of pieces) {
          const piece = chunk(delta, {})
          yield piece
          await manager?.handleLLMNewToken(delta, undefined, undefined, undefined, undefined, { chunk: piece })
        }
        yield chunk("", { usage_metadata })
      }
    }
    const agent = createReactAgent({
      llm: new Scripted({}),
      prompt: Script.INSTRUCTIONS,
      tools: scenario.toolTurns === undefined ? [] : [
        tool(async ({ city }) => Script.weatherIn(city), {
          name: Script.TOOL,
          description: Script.TOOL_DESCRIPTION,
          schema: z.object({ city: z.string() })
        })
      ]
    })
    const history = Script.history(scenario).map(({ role, text }) => ({ role, content: text }))
    const input = () => ({ messages: [...history, { role: "user", content: Script.QUESTION }] })
    const options = { recursionLimit: 2 * (scenario.toolTurns ?? 0) + 3 }
    return scenario.deltas === undefined
      ? async () => (await agent.invoke(input(), options)).messages.at(-1)!.text
      : async () => {
        let text = ""
        for await (const [message] of await agent.stream(input(), { ...options, streamMode: "messages" })) {
          if (message.type === "ai") text += message.text
        }
        return text
      }
  }
}
