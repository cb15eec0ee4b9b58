import { OpenAiCompatible } from "../../../src/provider/compatible/index.ts"
import * as AiMock from "../support/AiMock.ts"

AiMock.suite("OpenAiCompatible", (url) => OpenAiCompatible.layer({ model: "acme-7b", baseUrl: `${url}/v1` }))
