/**
 * From tools to Anthropic's declarations, and from its names for tools back to ours.
 *
 * A tool annotated `Tool.Strict` is declared by Anthropic's rules for strict schemas; its arguments come in that shape
 * and are brought back. Every other tool is declared by its own schema. Anthropic's own tools are `Tool.providerDefined`
 * with the id `anthropic.<type>`, the type being the versioned one (`anthropic.web_search_20250305`), and with
 * Anthropic's name for the tool (`web_search`) as `providerName`.
 */
import type AnthropicSdk from "@anthropic-ai/sdk"
import * as AiError from "effect/ai/AiError"
import { toCodecAnthropic } from "effect/ai/AnthropicStructuredOutput"
import * as Tool from "effect/ai/Tool"
import * as Context from "effect/Context"
import type * as Schema from "effect/Schema"
import * as CallName from "../internal/CallName.ts"
import { memo } from "../internal/Memo.ts"
import * as ToolParams from "../internal/ToolParams.ts"
import * as ToolSpec from "../internal/ToolSpec.ts"
import * as Block from "./AnthropicBlock.ts"

type Declaration = AnthropicSdk.ToolUnion

/**
 * What Anthropic's declaration of a tool says beyond ours, for `tool.annotate(Anthropic.ToolOptions, { … })`:
 * `cacheControl`, and fields as Anthropic names them (`eager_input_streaming`, `input_examples`, `defer_loading`).
 */
export const ToolOptions: Context.Reference<Schema.JsonObject> = Context.Reference<Schema.JsonObject>(
  "fluxion/provider/anthropic/ToolOptions",
  { defaultValue: () => ({}) }
)

const misconfigured = (tool: Tool.Any, description: string) =>
  new AiError.ToolConfigurationError({ toolName: tool.name, description })

const maxName = 128

const isName = (name: string): boolean => name.length <= maxName && /^[a-zA-Z0-9_-]+$/.test(name)

/** A name or an id of another vendor's history, as Anthropic takes it. */
export const toName = (name: string): string => CallName.make(name, maxName)

const spec = ToolSpec.make(toCodecAnthropic)

/**
 * A tool's declaration. Shared: nobody may change it.
 *
 * Throws a `ToolConfigurationError` (a name that Anthropic refuses, another vendor's tool) or an
 * `UnsupportedSchemaError`.
 */
export const declare: (tool: Tool.Any) => Declaration = memo((tool) => {
  const options = Block.toFields(Context.get(tool.annotations, ToolOptions))
  if (Tool.isProviderDefined(tool)) {
    if (!tool.id.startsWith("anthropic.")) {
      throw misconfigured(tool, `it is a tool of another vendor (${tool.id}) and cannot be used with Anthropic`)
    }
    const type = tool.id.slice("anthropic.".length)
    const args: unknown = tool.args
    return {
      type,
      name: tool.providerName,
      ...(typeof args === "object" ? args : undefined),
      ...options
    } as unknown as Declaration
  }
  if (!isName(tool.name)) {
    throw misconfigured(tool, "Anthropic takes names of 1 to 128 letters, digits, _ and -; give the tool such a name")
  }
  const { description, name, schema, strict } = spec(tool)
  return {
    name,
    ...(description === undefined ? undefined : { description }),
    input_schema: schema as AnthropicSdk.Tool.InputSchema,
    ...(strict ? { strict } : undefined),
    ...options
  }
})

/** Anthropic's name for a tool. */
export const nameOf = (tool: Tool.Any): string => Tool.isProviderDefined(tool) ? tool.providerName : tool.name

/** Brings a call's arguments to the tool's own shape. */
export const bringer = ToolParams.bringer(toCodecAnthropic)

// The tool `code_execution` runs as either of these.
const codeExecution = /^(bash|text_editor)_code_execution$/

/** From Anthropic's name for a tool to the name under which it was declared; `undefined` if that is the same for all. */
export const renamer = (tools: ReadonlyArray<Tool.Any>): ((name: string) => string) | undefined => {
  const vendor = tools.filter(Tool.isProviderDefined)
  if (vendor.length === 0) return undefined
  const names = new Map(vendor.map((tool) => [tool.providerName, tool.name]))
  return (name) => names.get(name) ?? (codeExecution.test(name) ? names.get("code_execution") : undefined) ?? name
}
