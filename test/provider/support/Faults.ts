/**
 * What vendors answer when something is wrong: refusals with their real bodies, and errors in the middle of a stream.
 */
import type { Vendor } from "./Vendors.ts"
import type * as VendorServer from "./VendorServer.ts"

type Reply = VendorServer.Reply
type Headers = Record<string, string>

/** A wait that a vendor asks for, and how it says so. All of them are seven seconds from the epoch. */
export interface Wait {
  readonly form: string
  readonly reply: Reply
}

/** What one vendor answers. */
export interface Faults {
  /** The key is wrong; its text comes back in the message, as some vendors do. */
  readonly auth: (key: string) => Reply
  readonly forbidden: Reply
  readonly context: ReadonlyArray<Reply>
  readonly rate: Reply
  readonly waits: ReadonlyArray<Wait>
  readonly quota: ReadonlyArray<Reply>
  /** The same of any status that says "overloaded". */
  readonly overload: (status: number, headers?: Headers) => Reply
  /** An event, or a whole body of status 200, that says "overloaded". */
  readonly overloadInside: string
  /** The same as an event of the stream. */
  readonly overloadEvent: string
  /** The same as an event: the rate limit, with a wait of seven seconds if the vendor says one there. */
  readonly rateEvent: string
  /** Reasoning that is given back was made by somebody else, or changed. */
  readonly signature: Reply | undefined
}

const seconds: Headers = { "retry-after": "7" }
const date: Headers = { "retry-after": "Thu, 01 Jan 1970 00:00:07 GMT" }

const refusal = (status: number, body: object, headers: Headers = {}): Reply => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(body)
})

const openaiBody = (message: string, type: string, code: string | null, param: string | null = null) => ({
  error: { message, type, param, code }
})

const limited = "Rate limit reached for gpt-5 in organization org-1 on requests per min (RPM): Limit 3, Used 3, "
  + "Requested 1."

const openaiRate = (headers: Headers, message = limited) =>
  refusal(429, openaiBody(message, "requests", "rate_limit_exceeded"), headers)

const openai: Faults = {
  auth: (key) =>
    refusal(
      401,
      openaiBody(
        `Incorrect API key provided: ${key}. You can find your API key at https://platform.openai.com/account/api-keys.`,
        "invalid_request_error",
        "invalid_api_key"
      ),
      { "x-request-id": "req_1" }
    ),
  forbidden: refusal(
    403,
    openaiBody("Project `proj_1` does not have access to model `gpt-5`", "invalid_request_error", null)
  ),
  context: [
    refusal(
      400,
      openaiBody(
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        "invalid_request_error",
        "context_length_exceeded",
        "input"
      )
    )
  ],
  rate: openaiRate({}),
  waits: [
    { form: "retry-after in seconds", reply: openaiRate(seconds) },
    { form: "retry-after as a date", reply: openaiRate(date) },
    { form: "retry-after-ms", reply: openaiRate({ "retry-after-ms": "7000" }) },
    {
      form: "x-ratelimit-reset-requests",
      reply: openaiRate({ "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "7s" })
    },
    { form: "its message", reply: openaiRate({}, `${limited} Please try again in 7s.`) }
  ],
  quota: [
    refusal(
      429,
      openaiBody(
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
        "insufficient_quota"
      )
    ),
    refusal(
      429,
      openaiBody(
        "Request too large for gpt-5 in organization org-1 on tokens per min (TPM): Limit 30000, Requested 61337. The "
          + "input or output tokens must be reduced in order to run successfully.",
        "tokens",
        "rate_limit_exceeded"
      ),
      seconds
    )
  ],
  overload: (status, headers) =>
    refusal(
      status,
      openaiBody("The server is overloaded or not ready yet.", "server_error", null),
      headers
    ),
  overloadInside: JSON.stringify(openaiBody("The server is overloaded.", "server_error", "server_error")),
  overloadEvent: `event: error\ndata: ${
    JSON.stringify({
      type: "error",
      sequence_number: 4,
      error: { type: "server_error", code: "server_error", message: "The server is overloaded.", param: null }
    })
  }\n\n`,
  rateEvent: `event: error\ndata: ${
    JSON.stringify({
      type: "error",
      sequence_number: 4,
      error: { type: "tokens", code: "rate_limit_exceeded", message: `${limited} Please try again in 7s.`, param: null }
    })
  }\n\n`,
  signature: refusal(
    400,
    openaiBody(
      "The encrypted content gAAA... could not be verified. Reason: Encrypted content could not be decrypted or parsed.",
      "invalid_request_error",
      "invalid_encrypted_content"
    )
  )
}

const anthropicBody = (type: string, message: string) => ({
  type: "error",
  error: { details: null, type, message },
  request_id: "req_1"
})

const exceeds = "This request would exceed your organization's rate limit of 50 requests per minute."

const anthropicRate = (headers: Headers) =>
  refusal(429, anthropicBody("rate_limit_error", exceeds), { "x-should-retry": "true", ...headers })

const anthropicEvent = (type: string, message: string) =>
  `event: error\ndata: ${JSON.stringify(anthropicBody(type, message))}\n\n`

const anthropic: Faults = {
  auth: (key) =>
    refusal(401, anthropicBody("authentication_error", `invalid x-api-key: ${key}`), { "request-id": "req_1" }),
  forbidden: refusal(
    403,
    anthropicBody("permission_error", "Your API key does not have permission to use the specified resource.")
  ),
  context: [
    refusal(400, anthropicBody("invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum")),
    refusal(
      400,
      anthropicBody(
        "invalid_request_error",
        "input length and `max_tokens` exceed context limit: 199000 + 4096 > 200000, decrease input length"
      )
    ),
    refusal(413, anthropicBody("request_too_large", "Request exceeds the maximum size"))
  ],
  rate: anthropicRate({}),
  waits: [
    { form: "retry-after in seconds", reply: anthropicRate(seconds) },
    { form: "retry-after as a date", reply: anthropicRate(date) },
    {
      form: "anthropic-ratelimit-requests-reset",
      reply: anthropicRate({
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "1970-01-01T00:00:07Z"
      })
    }
  ],
  quota: [
    refusal(402, anthropicBody("billing_error", "Your account has no credit")),
    refusal(400, anthropicBody("invalid_request_error", "Your credit balance is too low to access the Anthropic API.")),
    refusal(
      400,
      anthropicBody(
        "invalid_request_error",
        "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."
      )
    ),
    refusal(429, anthropicBody("rate_limit_error", "Extra usage is required for long context requests."), seconds)
  ],
  overload: (status, headers) =>
    refusal(status, anthropicBody(status === 529 ? "overloaded_error" : "api_error", "Overloaded"), {
      "x-should-retry": "true",
      ...headers
    }),
  overloadInside: JSON.stringify(anthropicBody("overloaded_error", "Overloaded")),
  overloadEvent: anthropicEvent("overloaded_error", "Overloaded"),
  rateEvent: anthropicEvent("rate_limit_error", exceeds),
  signature: refusal(
    400,
    anthropicBody("invalid_request_error", "messages.1.content.0: Invalid `signature` in `thinking` block")
  )
}

const info = (type: string, fields: object) => ({ "@type": `type.googleapis.com/google.rpc.${type}`, ...fields })

const googleBody = (code: number, status: string, message: string, details: ReadonlyArray<object> = []) => ({
  error: { code, message, status, details }
})

const exceeded = "You exceeded your current quota, please check your plan and billing details."
const perMinute = info("QuotaFailure", { violations: [{ quotaId: "GenerateRequestsPerMinutePerProjectPerModel" }] })
const perDay = info("QuotaFailure", { violations: [{ quotaId: "GenerateRequestsPerDayPerProjectPerModel-FreeTier" }] })
const wait = info("RetryInfo", { retryDelay: "7s" })

const googleRate = (headers: Headers, details: ReadonlyArray<object>, message = exceeded) =>
  refusal(429, googleBody(429, "RESOURCE_EXHAUSTED", message, details), headers)

const google: Faults = {
  auth: (key) =>
    refusal(
      400,
      googleBody(400, "INVALID_ARGUMENT", `API key not valid. Please pass a valid API key. (${key})`, [
        info("ErrorInfo", { reason: "API_KEY_INVALID", domain: "googleapis.com" })
      ])
    ),
  forbidden: refusal(403, googleBody(403, "PERMISSION_DENIED", "Generative Language API has not been used before")),
  context: [
    refusal(
      400,
      googleBody(
        400,
        "INVALID_ARGUMENT",
        "The input token count (1048600) exceeds the maximum number of tokens allowed (1048576)."
      )
    )
  ],
  rate: googleRate({}, [perMinute]),
  waits: [
    { form: "RetryInfo", reply: googleRate({}, [perMinute, wait]) },
    { form: "retry-after in seconds", reply: googleRate(seconds, [perMinute]) },
    { form: "retry-after as a date", reply: googleRate(date, []) },
    { form: "its message", reply: googleRate({}, [perMinute], `${exceeded}\nPlease retry in 7.0s.`) }
  ],
  quota: [
    googleRate({}, [perDay, wait]),
    googleRate(
      {},
      [perMinute, wait],
      `${exceeded}\n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, `
        + "limit: 0, model: gemini-3-pro\nPlease retry in 7.0s."
    )
  ],
  overload: (status, headers) =>
    refusal(status, googleBody(status, "UNAVAILABLE", "The model is overloaded. Please try again later."), headers),
  overloadInside: JSON.stringify(googleBody(503, "UNAVAILABLE", "The model is overloaded.")),
  overloadEvent: `data: ${JSON.stringify(googleBody(503, "UNAVAILABLE", "The model is overloaded."))}\r\n\r\n`,
  rateEvent: `data: ${JSON.stringify(googleBody(429, "RESOURCE_EXHAUSTED", exceeded, [perMinute, wait]))}\r\n\r\n`,
  signature: refusal(400, googleBody(400, "INVALID_ARGUMENT", "Thought signature is not valid"))
}

const ollamaBody = (error: string) => ({ error })

const ollama: Faults = {
  auth: (key) => refusal(401, ollamaBody(`unauthorized: ${key}`)),
  forbidden: refusal(403, ollamaBody("this model is not available to your account")),
  context: [
    refusal(400, ollamaBody("the input length exceeds the context length")),
    refusal(500, ollamaBody("input length exceeds maximum context length"))
  ],
  rate: refusal(429, ollamaBody("too many requests")),
  waits: [
    { form: "retry-after in seconds", reply: refusal(429, ollamaBody("too many requests"), seconds) },
    { form: "retry-after as a date", reply: refusal(429, ollamaBody("too many requests"), date) }
  ],
  quota: [refusal(402, ollamaBody("this model needs a subscription"))],
  overload: (status, headers) =>
    refusal(status, ollamaBody("server busy, please try again. maximum pending requests exceeded"), headers),
  overloadInside: JSON.stringify(ollamaBody("an error was encountered while running the model: overloaded")),
  overloadEvent: `${JSON.stringify(ollamaBody("an error was encountered while running the model: overloaded"))}\n`,
  rateEvent: `${JSON.stringify({ ...ollamaBody("too many requests, try again in 7s"), status: 429 })}\n`,
  signature: undefined
}

const compatibleBody = (code: number, message: string, metadata?: object) => ({
  error: { message, code, ...(metadata === undefined ? {} : { metadata }) }
})

const perMinuteOf = "Rate limit exceeded: free-models-per-min."

const compatibleRate = (headers: Headers, metadata?: object) =>
  refusal(429, compatibleBody(429, perMinuteOf, metadata), headers)

const compatibleEvent = (body: object) => `data: ${JSON.stringify({ id: "gen-1", choices: [], ...body })}\n\n`

const compatible: Faults = {
  auth: (key) => refusal(401, compatibleBody(401, `No auth credentials found: ${key}`)),
  forbidden: refusal(403, compatibleBody(403, "This key may not use this model")),
  context: [
    refusal(
      400,
      compatibleBody(
        400,
        "This endpoint's maximum context length is 128000 tokens. However, you requested about 130000 tokens."
      )
    )
  ],
  rate: compatibleRate({}),
  waits: [
    { form: "retry-after in seconds", reply: compatibleRate(seconds) },
    { form: "retry-after as a date", reply: compatibleRate(date) },
    {
      form: "x-ratelimit-reset-tokens",
      reply: compatibleRate({ "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "7s" })
    },
    {
      form: "headers in its body",
      reply: compatibleRate({}, { headers: { "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7" } })
    }
  ],
  quota: [
    refusal(402, compatibleBody(402, "Insufficient credits")),
    refusal(413, {
      error: {
        message:
          "Request too large for model `llama-3.1-8b-instant` in organization `org_1` service tier `on_demand` on "
          + "tokens per minute (TPM): Limit 6000, Requested 12328, please reduce your message size and try again.",
        type: "tokens",
        code: "rate_limit_exceeded"
      }
    })
  ],
  overload: (status, headers) =>
    refusal(
      status,
      compatibleBody(status, "Provider returned error", { provider_name: "Acme", raw: "the model is overloaded" }),
      headers
    ),
  overloadInside: JSON.stringify(compatibleBody(502, "The model is overloaded")),
  overloadEvent: compatibleEvent(compatibleBody(502, "The model is overloaded")),
  rateEvent: compatibleEvent(compatibleBody(429, perMinuteOf)),
  signature: refusal(
    400,
    compatibleBody(400, "Provider returned error", {
      provider_name: "Anthropic",
      raw: JSON.stringify(
        anthropicBody("invalid_request_error", "messages.1.content.0: Invalid `signature` in `thinking` block")
      )
    })
  )
}

/** What each vendor answers. */
export const of: { readonly [name in Vendor["name"]]: Faults } = { openai, anthropic, google, ollama, compatible }
