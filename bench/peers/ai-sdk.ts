/**
 * Vercel AI SDK 7: `generateText` for a whole answer, `streamText` for a streamed one, with a hand-written
 * `LanguageModelV4` (the one in `ai/test` records every call), or `@ai-sdk/openai` over HTTP.
 */
import type { Contender } from "../measure/Contender.ts"
import { load } from "../measure/Peers.ts"
import * as Script from "../measure/Script.ts"

interface Ai {
  readonly generateText: (options: object) => Promise<{ readonly text: string }>
  readonly streamText: (options: object) => { readonly textStream: AsyncIterable<string> }
  readonly tool: (options: object) => object
  readonly isStepCount: (count: number) => object
}
interface OpenAi {
  readonly createOpenAI: (options: object) => { readonly responses: (model: string) => object }
}
interface Zod {
  readonly z: { readonly object: (fields: object) => object; readonly string: () => object }
}
interface CallOptions {
  readonly prompt: ReadonlyArray<
    { readonly role: string; readonly content: ReadonlyArray<{ readonly toolCallId?: string }> }
  >
}

const usage = {
  inputTokens: { total: Script.USAGE.input, noCache: Script.USAGE.input, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: Script.USAGE.output, text: Script.USAGE.output, reasoning: undefined }
}

export const makeModel = (scenario: Script.Scenario) => {
  const pieces = Script.deltas(scenario)
  const answer = Script.answer(scenario)
  const gate = scenario.concurrent === undefined ? undefined : Script.makeGate(scenario.concurrent)
  const next = (options: CallOptions) => {
    const last = options.prompt[options.prompt.length - 1]!
    const turn = Script.turnAfter(last.role === "tool" ? last.content[0]!.toolCallId : undefined)
    return Script.callsTool(scenario, turn) ?
      { type: "tool-call", toolCallId: Script.callId(turn), toolName: Script.TOOL, input: Script.ARGUMENTS } :
      undefined
  }
  const finish = (reason: string) => ({ finishReason: { unified: reason, raw: reason }, usage })
  return {
    specificationVersion: "v4",
    provider: "script",
    modelId: Script.MODEL,
    supportedUrls: {},
    doGenerate: async (options: CallOptions) => {
      if (gate !== undefined) await gate()
      const call = next(options)
      return call === undefined
        ? { content: [{ type: "text", text: answer }], warnings: [], ...finish("stop") }
        : { content: [call], warnings: [], ...finish("tool-calls") }
    },
    doStream: async (options: CallOptions) => {
      if (gate !== undefined) await gate()
      const call = next(options)
      const parts = function*() {
        yield { type: "stream-start", warnings: [] }
        if (call !== undefined) yield call
        else {
          yield { type: "text-start", id: "text_0" }
          for (const delta of pieces) yield { type: "text-delta", id: "text_0", delta }
          yield { type: "text-end", id: "text_0" }
        }
        yield { type: "finish", ...finish(call === undefined ? "stop" : "tool-calls") }
      }
      const iterator = parts()
      return {
        stream: new ReadableStream({
          pull(controller) {
            const { done, value } = iterator.next()
            if (done === true) controller.close()
            else controller.enqueue(value)
          }
        })
      }
    }
  }
}

export const contender: Contender = {
  prepare: async (scenario) => {
    Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false })
    const { generateText, isStepCount, streamText, tool } = await load<Ai>("ai")
    const { z } = await load<Zod>("zod")
    const model = scenario.url === undefined
      ? makeModel(scenario)
      : (await load<OpenAi>("@ai-sdk/openai"))
        .createOpenAI({ apiKey: "none", baseURL: `${scenario.url}/v1` })
        .responses(Script.MODEL)
    const history = Script.history(scenario).map(({ role, text }) => ({ role, content: text }))
    const options = {
      model,
      instructions: Script.INSTRUCTIONS,
      telemetry: { isEnabled: false },
      ...(scenario.toolTurns === undefined ? {} : {
        stopWhen: isStepCount(scenario.toolTurns + 1),
        tools: {
          [Script.TOOL]: tool({
            description: Script.TOOL_DESCRIPTION,
            inputSchema: z.object({ city: z.string() }),
            execute: async ({ city }: { readonly city: string }) => Script.weatherIn(city)
          })
        }
      })
    }
    const ask = () =>
      history.length === 0
        ? { ...options, prompt: Script.QUESTION }
        : { ...options, messages: [...history, { role: "user", content: Script.QUESTION }] }
    return scenario.deltas === undefined
      ? async () => (await generateText(ask())).text
      : async () => {
        let text = ""
        for await (const delta of streamText(ask()).textStream) text += delta
        return text
      }
  },
  hang: async (url) => {
    const { streamText } = await load<Ai>("ai")
    const { createOpenAI } = await load<OpenAi>("@ai-sdk/openai")
    const abort = new AbortController()
    const result = streamText({
      model: createOpenAI({ apiKey: "none", baseURL: `${url}/v1` }).responses(Script.MODEL),
      instructions: Script.INSTRUCTIONS,
      prompt: Script.QUESTION,
      abortSignal: abort.signal
    })
    const reader = result.textStream[Symbol.asyncIterator]()
    await reader.next()
    return {
      stop: async () => {
        abort.abort()
        while ((await reader.next()).done !== true);
      }
    }
  }
}
