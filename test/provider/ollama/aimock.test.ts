import { Ollama } from "../../../src/provider/ollama/index.ts"
import * as AiMock from "../support/AiMock.ts"

AiMock.suite("Ollama", (url) => Ollama.layer({ model: "llama3.2", host: url }), {
  reasons: false,
  rubbishStreamed: "NetworkError"
})
