import { Redacted } from "effect"
import { Google } from "../../../src/provider/google/index.ts"
import * as AiMock from "../support/AiMock.ts"
import * as Wire from "./fixtures/Wire.ts"

AiMock.suite(
  "Google",
  (url) => Google.layer({ model: "gemini-2.5-flash", apiKey: Redacted.make(Wire.apiKey), baseUrl: url })
)
