/**
 * The tools `add_note` and `list_notes`, over notes in a SQLite file.
 *
 * `Notes` is a service, so that the file is opened once and closed with the program; the tools ask for it in their
 * requirements. Several programs may use one file at once: each write takes the lock first, and waits for it.
 */
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { Task } from "fluxion"
import { mkdirSync } from "node:fs"
import { dirname } from "node:path"
import { DatabaseSync } from "node:sqlite"

export class NotesUnavailable extends Schema.TaggedError<NotesUnavailable>()("NotesUnavailable", {
  file: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `the notes in ${this.file} cannot be used: ${this.problem}`
  }
}

const Note = Schema.Struct({ id: Schema.Int, text: Schema.String, at: Schema.String })
type Note = typeof Note.Type

/** Milliseconds that a start waits while another one writes. */
const patience = 5000
/** The most notes that are listed. */
const most = 20

export class Notes extends Context.Service<Notes, {
  readonly add: (text: string) => Effect.Effect<Note, NotesUnavailable>
  /** The last notes, oldest first. */
  readonly list: Effect.Effect<ReadonlyArray<Note>, NotesUnavailable>
}>()("examples/Notes") {
  /** Notes in a file; it and its folder are made if they are missing. */
  static readonly layer = (file: string): Layer.Layer<Notes, NotesUnavailable> => {
    const attempt = <A>(use: () => A) =>
      Effect.try({
        try: use,
        catch: (error) =>
          new NotesUnavailable({ file, problem: error instanceof Error ? error.message : String(error) })
      })
    const open = attempt(() => {
      mkdirSync(dirname(file), { recursive: true })
      const db = new DatabaseSync(file, { timeout: patience })
      db.exec(`BEGIN IMMEDIATE;
        CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL, at TEXT NOT NULL) STRICT;
        COMMIT`)
      return db
    })
    return Layer.effect(
      Notes,
      Effect.gen(function*() {
        const db = yield* Effect.acquireRelease(open, (db) => Effect.sync(() => db.close()))
        const insert = db.prepare("INSERT INTO notes (text, at) VALUES (?, ?) RETURNING id, text, at")
        const select = db.prepare("SELECT id, text, at FROM notes ORDER BY id DESC LIMIT ?")
        const toNote = (row: unknown) => ({ ...row as Note })
        return Notes.of({
          add: (text) =>
            Effect.flatMap(DateTime.now, (now) => attempt(() => toNote(insert.get(text, DateTime.formatIso(now))))),
          list: attempt(() => select.all(most).map(toNote).reverse())
        })
      })
    )
  }
}

export const addNote = Task.make("add_note", {
  description: "Writes down a note, to remember it: it is still there at the next start.",
  payload: { text: Schema.NonEmptyString.annotate({ description: "What to remember, in the user's words." }) },
  success: Note,
  error: NotesUnavailable,
  risk: "write",
  run: ({ text }) => Notes.use((notes) => notes.add(text))
})

export const listNotes = Task.make("list_notes", {
  description: `Lists the notes written so far, the last ${most} of them, oldest first.`,
  payload: {},
  success: Schema.Array(Note),
  error: NotesUnavailable,
  risk: "read",
  run: () => Notes.use((notes) => notes.list)
})
