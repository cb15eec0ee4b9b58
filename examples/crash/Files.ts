/**
 * What the processes of a demo share: the files of a folder, and the execution's id.
 */
import { join } from "node:path"

export const execution = "refunds"

export const of = (folder: string) => ({
  database: join(folder, "fluxion.db"),
  ledger: join(folder, "ledger.jsonl"),
  notes: join(folder, "notes.db")
})
