export * as Cluster from "./Cluster.ts"
