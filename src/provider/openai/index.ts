export * as OpenAi from "./OpenAi.ts"
