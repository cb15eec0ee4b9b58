export * as Cassette from "./Cassette.ts"
export * as ConversationsSuite from "./ConversationsSuite.ts"
export * as MemoryStoreSuite from "./MemoryStoreSuite.ts"
export * as TestModel from "./TestModel.ts"
