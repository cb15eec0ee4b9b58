import { OpenAiCompatible } from "../../../src/provider/compatible/index.ts"
import * as Collect from "../support/Collect.ts"
import * as Interruption from "../support/Interruption.ts"
import * as Wire from "./fixtures/Wire.ts"

const chunks = Wire.chunks(Wire.scenarios[0]!)

Interruption.suite({
  driver: (url) => Collect.driverOf(OpenAiCompatible.layer({ model: "acme-7b", baseUrl: `${url}/v1` })),
  answer: Wire.sse(chunks),
  begun: Wire.sse(chunks.slice(0, 4), ""),
  delta: (text) => {
    const [first, piece, ...last] = Wire.chunks({ deltas: [{ content: text }], finish: "stop" })
    return [Wire.sse([first!], ""), Wire.sse([piece!], ""), Wire.sse(last)]
  }
})
