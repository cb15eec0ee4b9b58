export * as Google from "./Google.ts"
