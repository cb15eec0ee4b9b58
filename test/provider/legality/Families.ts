/**
 * The model families that requests are checked for, one model each, with what its vendor says that it can do: written
 * from the vendors' pages, not from our tables, so that a mistake there is seen.
 */

/** One model for its family. */
export interface Family {
  /** The name before the `/` of `"provider/model"`. */
  readonly provider: string
  readonly model: string
  readonly tools: boolean
  /** It takes an effort. */
  readonly reasons: boolean
  /** It reasons without being asked, so that its answers hold reasoning that has to go back. */
  readonly always: boolean
  /** What it reasoned goes back to it. */
  readonly back: boolean
  /** It sees images. */
  readonly sees: boolean
  /** It can be made to call a tool: always, not while it reasons, or never. */
  readonly forced: "always" | "without reasoning" | "never"
  /** When it can be held to an answer's JSON Schema. */
  readonly schema: "always" | "without tools" | "never"
}

type Facts = Partial<Omit<Family, "provider" | "model" | "schema">>

const of =
  (provider: string, about: Facts = {}) => (model: string, schema: Family["schema"], more: Facts = {}): Family => ({
    provider,
    model,
    schema,
    tools: true,
    reasons: false,
    always: false,
    back: true,
    sees: true,
    forced: "always",
    ...about,
    ...more
  })

const reasons = { reasons: true }
const always = { reasons: true, always: true }

const openai = of("openai")
const anthropic = of("anthropic", { forced: "without reasoning" })
const google = of("google")
const ollama = of("ollama", { sees: false, forced: "never" })

/** By wire API; the newest last. */
export const families: { readonly [vendor: string]: ReadonlyArray<Family> } = {
  openai: [
    openai("gpt-4o", "always"),
    openai("gpt-4.1-mini", "always"),
    openai("o4-mini", "always", always),
    openai("gpt-5", "always", always),
    openai("gpt-5.1", "always", always),
    openai("gpt-6-sol", "always", always)
  ],
  anthropic: [
    anthropic("claude-3-5-haiku-20241022", "never"),
    anthropic("claude-sonnet-4-20250514", "never", reasons),
    anthropic("claude-opus-4-5-20251101", "always", reasons),
    anthropic("claude-haiku-4-5", "always", reasons),
    anthropic("claude-opus-4-6", "always", reasons),
    anthropic("claude-opus-5", "always", always),
    anthropic("claude-opus-5-5", "always", { ...always, forced: "never" })
  ],
  google: [
    google("gemini-2.0-flash", "without tools"),
    google("gemini-2.5-flash", "without tools", reasons),
    google("gemini-2.5-pro", "without tools", always),
    google("gemini-2.5-flash-lite", "without tools", reasons),
    google("gemini-3-pro-preview", "always", always),
    google("gemini-3.5-flash", "always", always)
  ],
  ollama: [
    ollama("llama3", "without tools", { tools: false }),
    ollama("llama3.2", "without tools"),
    ollama("qwen3", "without tools", reasons),
    ollama("gpt-oss:20b", "without tools", always)
  ],
  compatible: [
    of("vllm")("acme-70b", "without tools", reasons),
    of("mistral", { back: false })("mistral-large-latest", "without tools"),
    of("groq")("openai/gpt-oss-20b", "never", { ...always, sees: false }),
    of("deepseek", { sees: false, forced: "never" })("deepseek-reasoner", "never", always),
    of("openrouter")("z-ai/glm-5", "without tools", reasons)
  ]
}

/** All of them. */
export const all: ReadonlyArray<Family> = Object.values(families).flat()

/** The name by which an agent asks for it. */
export const idOf = ({ model, provider }: Family): string => `${provider}/${model}`
