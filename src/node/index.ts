export * as Fluxion from "./Fluxion.ts"
