/**
 * Reads the body of an answer that is not streamed. Done here, since the SDKs take any text and any JSON for an answer.
 */
import * as Failure from "./Failure.ts"

const isUtf8 = (bytes: ArrayBuffer): boolean => {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

/** The body as JSON, if it passes `isWhole`; else throws a `Failure.Thrown`. `what` it should be is for the message. */
export const read = async <Whole>(
  response: Response,
  isWhole: (body: unknown) => body is Whole,
  what: string
): Promise<Whole> => {
  const bytes = await response.arrayBuffer()
  const text = new TextDecoder().decode(bytes)
  const no = (message: string) => new Failure.Thrown({ _tag: "Undecodable", message, body: text })
  if (!isUtf8(bytes)) throw no("the answer is not valid UTF-8")
  if (Failure.isHtml(text)) throw no("a web page came instead of an answer")
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    throw no("the answer is not valid JSON")
  }
  if (!isWhole(body)) throw no(`the answer is no ${what}`)
  return body
}

const typeOf = (response: Response): string => response.headers.get("content-type") ?? ""

/** Whether it says of itself that it is a web page. */
export const isPage = (response: Response): boolean => /text\/html/i.test(typeOf(response))

/** Whether a stream was asked for and a whole answer came: a sign-in page, or a server that cannot stream. */
export const isWholeType = (response: Response): boolean =>
  isPage(response) || /application\/json/i.test(typeOf(response))
