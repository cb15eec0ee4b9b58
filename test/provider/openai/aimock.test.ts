import { Redacted } from "effect"
import { OpenAi } from "../../../src/provider/openai/index.ts"
import * as AiMock from "../support/AiMock.ts"

AiMock.suite(
  "OpenAi",
  (url) => OpenAi.layer({ model: "gpt-5", apiKey: Redacted.make("sk-mock-123456"), baseUrl: `${url}/v1` })
)
