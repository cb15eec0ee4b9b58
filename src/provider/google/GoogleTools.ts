/**
 * From tools to Gemini's declarations, and the names of tools that Google runs.
 *
 * Such a tool is declared by the name of its field in the SDK's `Tool`:
 * `Tool.providerDefined({ id: "google.search", customName: "search_the_web", providerName: "googleSearch" })`.
 */
import type { FunctionDeclaration, Tool as Declaration } from "@google/genai"
import * as AiError from "effect/ai/AiError"
import * as Tool from "effect/ai/Tool"
import { memo } from "../internal/Memo.ts"
import * as ToolSpec from "../internal/ToolSpec.ts"
import * as GoogleSchema from "./GoogleSchema.ts"

/** The names that Gemini takes for functions. */
const isName = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_.:-]{0,127}$/.test(name)

const misconfigured = (tool: Tool.Any, description: string) =>
  new AiError.ToolConfigurationError({ toolName: tool.name, description })

const spec = ToolSpec.make()

/** The declaration of a tool that runs here. Shared: nobody may change it. */
const declareFunction = memo((tool: Tool.Any): FunctionDeclaration => {
  if (!isName(tool.name)) {
    throw misconfigured(
      tool,
      "Google takes names of 1 to 128 letters, digits, _ . : and -, that begin with a letter or _; give the tool such a name"
    )
  }
  const { description, name, schema } = spec(tool)
  return {
    name,
    ...(description === undefined ? undefined : { description }),
    parametersJsonSchema: GoogleSchema.toGoogle(schema)
  }
})

/** The declaration of a tool that Google runs. Shared: nobody may change it. */
const declareHosted = memo((tool: Tool.Any): Declaration => {
  if (!Tool.isProviderDefined(tool) || !tool.id.startsWith("google.")) {
    throw misconfigured(tool, `it is a tool of another vendor (${tool.id}) and cannot be used with Google`)
  }
  const args: unknown = tool.args
  return { [tool.providerName]: { ...(typeof args === "object" ? args : undefined) } }
})

/** Whether somebody else than this process runs a tool. */
export const isHosted = (tool: Tool.Any): boolean => Tool.isProviderDefined(tool)

/**
 * The declarations of tools.
 *
 * Throws a `ToolConfigurationError` (a name that Google refuses, another vendor's tool) or an `UnsupportedSchemaError`.
 */
export const declare = (tools: ReadonlyArray<Tool.Any>): Array<Declaration> => {
  const functions: Array<FunctionDeclaration> = []
  const hosted: Array<Declaration> = []
  for (const tool of tools) {
    if (isHosted(tool)) hosted.push(declareHosted(tool))
    else functions.push(declareFunction(tool))
  }
  return functions.length === 0 ? hosted : [{ functionDeclarations: functions }, ...hosted]
}

/** The name under which a tool that Google runs was declared. */
export const hostedName = (tools: ReadonlyArray<Tool.Any>) => (providerName: string): string | undefined =>
  tools.find((tool) => Tool.isProviderDefined(tool) && tool.providerName === providerName)?.name
