/**
 * From tools to the Responses API's declarations, and a call's arguments back to the tool's own shape.
 *
 * A tool annotated `Tool.Strict` is declared by OpenAI's rules for strict schemas (every property required, and so
 * on); its arguments come in that shape and are brought back. Every other tool is declared by its own schema.
 */
import * as AiError from "effect/ai/AiError"
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import * as Tool from "effect/ai/Tool"
import type OpenAI from "openai"
import * as Name from "../../core/Name.ts"
import { memo } from "../internal/Memo.ts"
import * as ToolParams from "../internal/ToolParams.ts"
import * as ToolSpec from "../internal/ToolSpec.ts"

type Declaration = OpenAI.Responses.Tool

const misconfigured = (tool: Tool.Any, description: string) =>
  new AiError.ToolConfigurationError({ toolName: tool.name, description })

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
  if (!Name.isValid(tool.name)) {
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

/** Brings the arguments of a strict tool's call back to the tool's own shape. */
export const bringer: (tools: ReadonlyArray<Tool.Any>) => ToolParams.Bringer | undefined = ToolParams.bringer(
  toCodecOpenAI
)

/** The name under which a tool that OpenAI runs itself was declared. */
export const hostedName = (tools: ReadonlyArray<Tool.Any>) => (providerName: string): string | undefined =>
  tools.find((tool) => Tool.isProviderDefined(tool) && tool.providerName.startsWith(providerName))?.name
