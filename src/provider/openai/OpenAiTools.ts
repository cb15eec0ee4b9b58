/**
 * From tools to the Responses API's declarations, and a call's arguments back to the tool's own shape.
 *
 * A tool annotated `Tool.Strict` is declared by OpenAI's rules for strict schemas (every property required, and so
 * on); its arguments come in that shape and are brought back. Every other tool is declared by its own schema.
 */
import * as AiError from "effect/ai/AiError"
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Schema from "effect/Schema"
import * as SchemaParser from "effect/SchemaParser"
import type OpenAI from "openai"
import { memo } from "../internal/Memo.ts"
import * as ToolSpec from "../internal/ToolSpec.ts"

type Declaration = OpenAI.Responses.Tool

const misconfigured = (tool: Tool.Any, description: string) =>
  new AiError.ToolConfigurationError({ toolName: tool.name, description })

/** The names that OpenAI takes for functions. */
export const isName = (name: string): boolean => /^[a-zA-Z0-9_-]{1,64}$/.test(name)

const spec = ToolSpec.make(toCodecOpenAI)

/**
 * A tool's declaration. Shared: nobody may change it.
 *
 * Throws a `ToolConfigurationError` (a name that OpenAI refuses, another vendor's tool) or an `UnsupportedSchemaError`.
 */
export const declare: (tool: Tool.Any) => Declaration = memo((tool) => {
  if (Tool.isProviderDefined(tool)) {
    if (!tool.id.startsWith("openai.")) {
      throw misconfigured(tool, `it is a tool of another vendor (${tool.id}) and cannot be used with OpenAI`)
    }
    const args: unknown = tool.args
    return { type: tool.providerName, ...(typeof args === "object" ? args : undefined) } as unknown as Declaration
  }
  if (!isName(tool.name)) {
    throw misconfigured(tool, "OpenAI takes names of 1 to 64 letters, digits, _ and -; give the tool such a name")
  }
  const { description, name, schema, strict } = spec(tool)
  return {
    type: "function",
    name,
    ...(description === undefined ? undefined : { description }),
    parameters: schema,
    strict
  }
})

/** How a tool is named in a tool choice. */
export const choose = (tool: Tool.Any): { readonly type: string; readonly name?: string } =>
  Tool.isProviderDefined(tool) ? { type: tool.providerName } : { type: "function", name: tool.name }

type Bring = (params: unknown) => unknown

const bringBack = memo((tool: Tool.Any): Bring | undefined => {
  if (Tool.getStrictMode(tool) !== true || Tool.isProviderDefined(tool)) return undefined
  if (Tool.isDynamic(tool) && tool.jsonSchema !== undefined) return undefined
  // A tool's Schemas need services only where its handler runs; one that needs some here is left as it came.
  const schema = tool.parametersSchema as unknown as Schema.Codec<unknown, unknown>
  const decode = SchemaParser.decodeUnknownEffect(toCodecOpenAI(schema).codec)
  const encode = SchemaParser.encodeEffect(schema)
  return (params) => {
    const exit = Effect.runSyncExit(Effect.flatMap(decode(params), encode))
    return Exit.isSuccess(exit) ? exit.value : params
  }
})

/**
 * A function from the arguments of a call to the tool's own shape; `undefined` if no tool needs it. Arguments that do
 * not fit stay as they came, so that whoever decodes them by the tool's Schema says what is wrong.
 */
export const bringer = (
  tools: ReadonlyArray<Tool.Any>
): ((name: string, params: unknown) => unknown) | undefined => {
  const byName = new Map<string, Bring>()
  for (const tool of tools) {
    const bring = bringBack(tool)
    if (bring !== undefined) byName.set(tool.name, bring)
  }
  return byName.size === 0 ? undefined : (name, params) => byName.get(name)?.(params) ?? params
}

/** The name under which a tool that OpenAI runs itself was declared. */
export const hostedName = (tools: ReadonlyArray<Tool.Any>) => (providerName: string): string | undefined =>
  tools.find((tool) => Tool.isProviderDefined(tool) && tool.providerName.startsWith(providerName))?.name
