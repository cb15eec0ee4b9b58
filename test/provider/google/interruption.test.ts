import * as Interruption from "../support/Interruption.ts"
import * as Wire from "./fixtures/Wire.ts"

const chunks = Wire.chunks(Wire.scenario("a text"))

Interruption.suite({
  driver: Wire.driver,
  answer: Wire.sse(chunks),
  begun: Wire.sse(chunks.slice(0, 3)),
  delta: (text) => {
    const [piece, end] = Wire.chunks({ parts: [{ text }], end: { finishReason: "STOP" } }, text.length)
    return ["", Wire.sse([piece!]), Wire.sse([end!])]
  }
})
