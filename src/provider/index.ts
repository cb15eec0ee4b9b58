export * as Providers from "./Providers.ts"
