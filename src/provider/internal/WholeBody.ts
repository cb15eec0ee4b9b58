/**
 * Reads the body of an answer that is not streamed. Done here, since the SDKs take any text and any JSON for an answer.
 */
import * as Failure from "./Failure.ts"

/** Thrown where a body is no answer of the vendor's API. */
export class NoAnswer extends Error {
  readonly failure: Failure.Failure
  constructor(message: string, body: string) {
    super(message)
    this.failure = { _tag: "Undecodable", message, body }
  }
}

/** The body as JSON, if it passes `isWhole`; throws `NoAnswer` otherwise. `what` it should be is for the message. */
export const read = async <Whole>(
  response: Response,
  isWhole: (body: unknown) => body is Whole,
  what: string
): Promise<Whole> => {
  const text = await response.text()
  if (Failure.isHtml(text)) throw new NoAnswer("a web page came instead of an answer", text)
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    throw new NoAnswer("the answer is not valid JSON", text)
  }
  if (!isWhole(body)) throw new NoAnswer(`the answer is no ${what}`, text)
  return body
}

/** Whether a stream was asked for and a whole answer came: a sign-in page, or a server that cannot stream. */
export const isWholeType = (response: Response): boolean =>
  /text\/html|application\/json/i.test(response.headers.get("content-type") ?? "")
