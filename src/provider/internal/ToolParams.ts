/**
 * The arguments of a call, from the vendor's text to the tool's own shape.
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Schema from "effect/Schema"
import * as SchemaParser from "effect/SchemaParser"
import { memo } from "./Memo.ts"

/** The arguments that a text holds: none is `{}`; a text that is no JSON stays as it is. */
export const parse = (text: string): unknown => {
  if (text.trim() === "") return {}
  try {
    return Tool.unsafeSecureJsonParse(text)
  } catch {
    return text
  }
}

type Bring = (params: unknown) => unknown

/** Brings a call's arguments to the tool's own shape; see `bringer`. */
export type Bringer = (tool: string, params: unknown) => unknown

/**
 * From a list of tools, a function that brings the arguments of a call back from the shape in which a vendor's
 * `transformer` asked for them; `undefined` if no tool is strict. Arguments that do not fit stay as they came, so that
 * whoever decodes them by the tool's Schema says what is wrong.
 */
export const bringer = (
  transformer: LanguageModel.CodecTransformer
): (tools: ReadonlyArray<Tool.Any>) => Bringer | undefined => {
  const bringBack = memo((tool: Tool.Any): Bring | undefined => {
    if (Tool.getStrictMode(tool) !== true || Tool.isProviderDefined(tool)) return undefined
    if (Tool.isDynamic(tool) && tool.jsonSchema !== undefined) return undefined
    // A tool's Schemas need services only where its handler runs; one that needs some here is left as it came.
    const schema = tool.parametersSchema as unknown as Schema.Codec<unknown, unknown>
    const decode = SchemaParser.decodeUnknownEffect(transformer(schema).codec)
    const encode = SchemaParser.encodeEffect(schema)
    return (params) => {
      const exit = Effect.runSyncExit(Effect.flatMap(decode(params), encode))
      return Exit.isSuccess(exit) ? exit.value : params
    }
  })
  return (tools) => {
    const byName = new Map<string, Bring>()
    for (const tool of tools) {
      const bring = bringBack(tool)
      if (bring !== undefined) byName.set(tool.name, bring)
    }
    return byName.size === 0 ? undefined : (name, params) => byName.get(name)?.(params) ?? params
  }
}
