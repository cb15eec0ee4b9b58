import { Redacted } from "effect"
import { Anthropic } from "../../../src/provider/anthropic/index.ts"
import * as AiMock from "../support/AiMock.ts"

AiMock.suite(
  "Anthropic",
  (url) => Anthropic.layer({ model: "claude-sonnet-4-6", apiKey: Redacted.make("sk-ant-mock-123456"), baseUrl: url })
)
