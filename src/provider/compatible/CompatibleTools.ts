/**
 * From tools to the declarations of Chat Completions.
 *
 * A tool annotated `Tool.Strict` is declared by OpenAI's rules for strict schemas, and its arguments are brought back.
 * Every other tool is declared by its own schema, and without the field `strict`, which some servers refuse.
 */
import * as AiError from "effect/ai/AiError"
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import * as Tool from "effect/ai/Tool"
import type OpenAI from "openai"
import * as Name from "../../core/Name.ts"
import { memo } from "../internal/Memo.ts"
import * as ToolParams from "../internal/ToolParams.ts"
import * as ToolSpec from "../internal/ToolSpec.ts"

const misconfigured = (tool: Tool.Any, description: string) =>
  new AiError.ToolConfigurationError({ toolName: tool.name, description })

const spec = ToolSpec.make(toCodecOpenAI)

/**
 * A tool's declaration. Shared: nobody may change it.
 *
 * Throws a `ToolConfigurationError` (a name that servers refuse, a vendor's own tool) or an `UnsupportedSchemaError`.
 */
export const declare: (tool: Tool.Any) => OpenAI.Chat.ChatCompletionFunctionTool = memo((tool) => {
  if (Tool.isProviderDefined(tool)) {
    throw misconfigured(
      tool,
      `it is a tool that a vendor runs itself (${tool.id}), and Chat Completions has none; give a tool that runs here`
    )
  }
  if (!Name.isValid(tool.name)) {
    throw misconfigured(tool, "its name has to be 1 to 64 letters, digits, _ or -; give the tool such a name")
  }
  const { description, name, schema, strict } = spec(tool)
  return {
    type: "function",
    function: {
      name,
      ...(description === undefined ? undefined : { description }),
      parameters: schema as OpenAI.FunctionParameters,
      ...(strict ? { strict } : undefined)
    }
  }
})

/** Brings the arguments of a strict tool's call back to the tool's own shape. */
export const bringer = ToolParams.bringer(toCodecOpenAI)
