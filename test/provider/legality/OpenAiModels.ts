/**
 * What OpenAI's models take of a request, for both of its wire APIs.
 *
 * Sources: the reasoning guide ("limitations"), the model pages, and the texts of the API's own refusals, such as
 * "Unsupported value: 'minimal' is not supported with the 'gpt-5.1' model. Supported values are: 'none', 'low', …" and
 * "Unsupported parameter: 'temperature' is not supported with this model".
 */

/** The efforts that a model takes; `undefined` for one that does not reason. */
export const efforts = (model: string): ReadonlyArray<string> | undefined => {
  if (/^o\d/.test(model)) return ["low", "medium", "high"]
  if (!/^gpt-([5-9]|\d\d)/.test(model) || /-chat/.test(model)) return undefined
  if (/^gpt-5(-|$)/.test(model)) return ["minimal", "low", "medium", "high"]
  if (/^gpt-5\.1(-|$)/.test(model)) return ["none", "low", "medium", "high"]
  return ["none", "low", "medium", "high", "xhigh", "max"]
}

/** Sampling is fixed while a model reasons; from gpt-5.1 on it may be told not to. */
export const takesSampling = (model: string, effort: unknown): boolean =>
  efforts(model) === undefined || (effort === "none" && efforts(model)!.includes("none"))
