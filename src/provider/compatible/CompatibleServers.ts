/**
 * The servers that are known by a name, which stands before the `/` in `"groq/llama-3.3-70b"`. One table for the process:
 * it comes with the well-known ones, and `register` adds to it. It loads nothing.
 *
 * What models can do is taken from the vendors' pages; unknown models count as able, but for what their server refuses
 * for all of them.
 */
import * as Capabilities from "../../agent/Capabilities.ts"
import * as Name from "../../core/Name.ts"
import type { Dialect } from "./CompatibleDialect.ts"

/** A server that is known by a name. */
export interface Registration {
  /** Its address with the path, which is `/v1` at most servers. */
  readonly baseUrl: string
  /** The environment variable that may hold another address. */
  readonly baseUrlEnv?: string | undefined
  /** The environment variable with the API key; a server on this machine or in this network needs none. */
  readonly apiKeyEnv?: string | undefined
  /** Who issues the keys, as in "Groq": others' keys are not sent. */
  readonly keyIssuer?: string | undefined
  /** Sent with every request. */
  readonly headers?: { readonly [name: string]: string } | undefined
  /** What its models can do; of the rules that match, the later ones win. */
  readonly capabilities?: ReadonlyArray<Capabilities.Rule> | undefined
  /** How it wants its requests, where that is not as most do. */
  readonly dialect?: Partial<Dialect> | undefined
}

/**
 * What is true of all of them unless a rule says otherwise: most hold an answer to a Schema by a grammar, which leaves no
 * room for calls.
 */
export const base: Capabilities.Capabilities = { ...Capabilities.all, outputWithTools: false }

const every = /^/

const servers = new Map<string, Registration>([
  ["groq", {
    baseUrl: "https://api.groq.com/openai/v1",
    apiKeyEnv: "GROQ_API_KEY",
    keyIssuer: "Groq",
    capabilities: [
      // structured output is not for all models, nor for streams
      { model: every, is: { files: false, reasoning: false, structuredOutput: false } },
      { model: /gpt-oss/, is: { reasoning: true, vision: false } }
    ],
    dialect: { maxTokens: "max_completion_tokens" }
  }],
  ["openrouter", {
    baseUrl: "https://openrouter.ai/api/v1",
    apiKeyEnv: "OPENROUTER_API_KEY",
    keyIssuer: "OpenRouter",
    dialect: { effort: "reasoning", callIds: "any", fileUrls: true, reasoningBack: "always", toolCallsInText: false }
  }],
  ["deepseek", {
    baseUrl: "https://api.deepseek.com",
    apiKeyEnv: "DEEPSEEK_API_KEY",
    capabilities: [
      {
        model: every,
        is: {
          structuredOutput: false,
          vision: false,
          files: false,
          seed: false,
          // refused while a model thinks, which all but one do unless told otherwise
          forcedToolChoice: false
        }
      },
      { model: "deepseek-chat", is: { forcedToolChoice: true } },
      { model: "deepseek-reasoner", is: { sampling: false } }
    ],
    dialect: { callIds: "any", reasoningRequired: true, toolCallsInText: false }
  }],
  ["mistral", {
    baseUrl: "https://api.mistral.ai/v1",
    apiKeyEnv: "MISTRAL_API_KEY",
    // its models reason by themselves, without an effort
    capabilities: [{ model: every, is: { reasoning: false } }],
    dialect: {
      seed: "random_seed",
      callIds: "nine",
      files: "document_url",
      fileUrls: true,
      reasoningBack: "never",
      answerAfterResults: true,
      streamUsage: false,
      toolCallsInText: false
    }
  }],
  ["vllm", {
    baseUrl: "http://127.0.0.1:8000/v1",
    baseUrlEnv: "VLLM_BASE_URL",
    apiKeyEnv: "VLLM_API_KEY",
    capabilities: [{ model: every, is: { files: false } }],
    dialect: { callIds: "any" }
  }],
  ["lmstudio", {
    baseUrl: "http://127.0.0.1:1234/v1",
    baseUrlEnv: "LMSTUDIO_BASE_URL",
    apiKeyEnv: "LMSTUDIO_API_KEY",
    capabilities: [{ model: every, is: { files: false } }],
    dialect: { namedToolChoice: false, callIds: "any" }
  }]
])

/** The providers that speak an API of their own; their names are theirs. */
const builtIn: ReadonlyArray<string> = ["openai", "anthropic", "google", "ollama"]

/** What is wrong with a server's name, or `undefined`. */
export const problemOf = (name: string): string | undefined => {
  if (builtIn.includes(name)) return `"${name}" is a provider of its own: choose another name`
  return Name.isValid(name)
    ? undefined
    : `${JSON.stringify(name)} cannot be the name of a provider: use 1 to 64 letters, digits, "_" or "-"`
}

/** Throws a `TypeError` if the name cannot be one. */
export const assertName = (name: string): void => {
  const problem = problemOf(name)
  if (problem !== undefined) throw new TypeError(problem)
}

/** Makes a server known by a name, in place of one that had it. Throws a `TypeError` if the name cannot be one. */
export const register = (name: string, registration: Registration): void => {
  assertName(name)
  servers.set(name, registration)
}

/** The server of a name. */
export const find = (name: string): Registration | undefined => servers.get(name)

/** All names. */
export const names = (): ReadonlyArray<string> => [...servers.keys()]
