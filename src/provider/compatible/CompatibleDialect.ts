/**
 * In what servers that speak OpenAI's Chat Completions differ, as data: no other code knows one of them by its name.
 *
 * Sources: the API references of DeepSeek ("Thinking Mode"), Mistral, Groq ("Reasoning"), OpenRouter ("Reasoning
 * Tokens"), vLLM and LM Studio, and what these servers answered where the references are silent.
 */

/** How one server wants its requests. */
export interface Dialect {
  /** The field for the most tokens of an answer. */
  readonly maxTokens: "max_tokens" | "max_completion_tokens"
  /** The field for the reasoning effort: a word, or OpenRouter's object. */
  readonly effort: "reasoning_effort" | "reasoning"
  /** The field for the seed. */
  readonly seed: "seed" | "random_seed"
  /** Whether a choice may name a tool. If not, only that tool is declared, and a call is required. */
  readonly namedToolChoice: boolean
  /** Which ids of calls it takes: any, those of at most 40 characters, or those of nine letters and digits. */
  readonly callIds: "any" | "forty" | "nine"
  /** How a file is given that is neither image nor sound. */
  readonly files: "file" | "document_url"
  /** Whether it fetches such a file from an address. */
  readonly fileUrls: boolean
  /** Which reasoning of its own goes back to it: none, that of turns with calls, or all. */
  readonly reasoningBack: "never" | "tool-turns" | "always"
  /** Whether an answer of a turn with calls has to have `reasoning_content`, if only an empty one. */
  readonly reasoningRequired: boolean
  /** Whether an answer has to stand between results of calls and the user's next message. */
  readonly answerAfterResults: boolean
  /** Whether the usage of a stream has to be asked for. */
  readonly streamUsage: boolean
  /** Whether calls of declared tools that a model writes into its text are calls. */
  readonly toolCallsInText: boolean
}

/** A server of which nothing is known. */
export const generic: Dialect = {
  maxTokens: "max_tokens",
  effort: "reasoning_effort",
  seed: "seed",
  namedToolChoice: true,
  callIds: "forty",
  files: "file",
  fileUrls: false,
  reasoningBack: "tool-turns",
  reasoningRequired: false,
  answerAfterResults: false,
  streamUsage: true,
  toolCallsInText: true
}

/** A server, as far as requests and responses depend on it. */
export interface Server {
  /** Its name, as in `"groq/…"`; the key of its options and metadata. */
  readonly name: string
  readonly dialect: Dialect
}

/** The name of a server that was given none. */
export const defaultName = "openai-compatible"

/** A server of which nothing is known. */
export const anyServer: Server = { name: defaultName, dialect: generic }
