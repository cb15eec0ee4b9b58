/**
 * What the models of Ollama's library can do, as data: Ollama's API says it only when asked, one request a model.
 *
 * Rows are for names as in the library (`llama3.2`, `qwen3:8b`). Of any other name nothing is known: tools and images
 * are tried, and the server says if they cannot be. A model that thinks does so unless told otherwise, so only those
 * are asked for a reasoning effort that are known to take one. Users correct a row by the option `capabilities`.
 */
import * as Capabilities from "../../agent/Capabilities.ts"

/** The API has no forced tool choice and takes no files, and a grammar for the answer leaves no room for calls. */
const base: Capabilities.Capabilities = {
  ...Capabilities.all,
  forcedToolChoice: false,
  outputWithTools: false,
  files: false,
  reasoning: false
}

const family = (...names: ReadonlyArray<string>) => new RegExp(`^(${names.join("|")})(:|$)`)

/** What is special about models of the library. */
export const rules: ReadonlyArray<Capabilities.Rule> = [
  {
    model: family(
      "llama2|llama3|llama3\\.1|llama3\\.2|llama3\\.3|codellama|tinyllama",
      "mistral|mistral-nemo|mistral-large|mixtral|codestral",
      "qwen|qwen2|qwen2\\.5|qwen2\\.5-coder|qwen3|qwen3-coder|qwq",
      "deepseek-r1|deepseek-v3|deepseek-v3\\.1|deepseek-coder|deepseek-coder-v2",
      "gemma|gemma2|codegemma|gemma3:(1b|270m).*",
      "phi3|phi4|phi4-mini|phi4-reasoning|gpt-oss|command-r|command-r-plus|smollm|smollm2|starcoder2|hermes3|cogito"
    ),
    is: { vision: false }
  },
  {
    model: family(
      "llava|llava-llama3|llava-phi3|bakllava|moondream|minicpm-v|llama3\\.2-vision",
      "llama2|llama3|codellama|tinyllama|gemma|gemma2|gemma3|codegemma|phi3"
    ),
    is: { tools: false, parallelTools: false }
  },
  { model: family("gpt-oss|deepseek-r1|deepseek-v3\\.1|magistral|qwen3(?!.*instruct)"), is: { reasoning: true } }
]

/** What one model can do; the user's rules come after ours. */
export const of = (model: string, own: ReadonlyArray<Capabilities.Rule> = []): Capabilities.Capabilities =>
  Capabilities.resolve(model, [...rules, ...own], base)
