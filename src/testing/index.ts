export * as Cassette from "./Cassette.ts"
export * as TestModel from "./TestModel.ts"
