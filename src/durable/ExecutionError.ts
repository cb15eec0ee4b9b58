/**
 * What can go wrong with an execution as a whole. What goes wrong within it is the workflow's own `error`.
 */
import * as Schema from "effect/Schema"

/** The execution was cancelled. */
export class ExecutionCancelled extends Schema.TaggedError<ExecutionCancelled>()("ExecutionCancelled", {
  execution: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `execution ${this.execution} was cancelled`
  }
}

/** The execution cannot go on: it took its process down several times, or its code contradicts its journal. */
export class ExecutionParked extends Schema.TaggedError<ExecutionParked>()("ExecutionParked", {
  execution: Schema.String,
  problem: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `execution ${this.execution} is parked: ${this.problem}; when that is put right, Execution.retry goes on`
  }
}

/** There is no such execution. */
export class ExecutionNotFound extends Schema.TaggedError<ExecutionNotFound>()("ExecutionNotFound", {
  execution: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `there is no execution ${this.execution} in this journal`
  }
}

/** The id belongs to an execution of another workflow. */
export class ExecutionExists extends Schema.TaggedError<ExecutionExists>()("ExecutionExists", {
  execution: Schema.String,
  workflow: Schema.String,
  asked: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `execution ${this.execution} is one of workflow ${this.workflow}, not of ${this.asked}; start it under another id`
  }
}

/** The execution is not in a state in which that can be done. */
export class ExecutionState extends Schema.TaggedError<ExecutionState>()("ExecutionState", {
  execution: Schema.String,
  state: Schema.String,
  detail: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `execution ${this.execution} is ${this.state}: ${this.detail}`
  }
}

/** A workflow's payload does not fit its Schema. */
export class PayloadInvalid extends Schema.TaggedError<PayloadInvalid>()("PayloadInvalid", {
  workflow: Schema.String,
  issues: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `the payload does not fit workflow ${this.workflow}: ${this.issues}`
  }
  static of(workflow: string, cause: unknown): PayloadInvalid {
    return new PayloadInvalid({ workflow, issues: cause instanceof Error ? cause.message : String(cause) })
  }
}

/** Two workflows of one name and version. */
export class WorkflowConflict extends Schema.TaggedError<WorkflowConflict>()("WorkflowConflict", {
  workflow: Schema.String,
  version: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `workflow ${this.workflow}, version ${this.version}, is registered already; `
      + `give a changed workflow another version, and a different one another name`
  }
}

/** Somebody has answered already; the first answer stands. */
export class AlreadyResumed extends Schema.TaggedError<AlreadyResumed>()("AlreadyResumed", {
  execution: Schema.String,
  pause: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `pause ${this.pause} of execution ${this.execution} is answered already; the first answer stands`
  }
}

/** The execution does not wait there (yet, or any more). */
export class NotPaused extends Schema.TaggedError<NotPaused>()("NotPaused", {
  execution: Schema.String,
  pause: Schema.String,
  waits: Schema.Array(Schema.String)
}) {
  readonly isRetryable = true
  override get message(): string {
    const for_ = this.waits.length === 0 ? "nothing" : this.waits.join(", ")
    return `execution ${this.execution} does not wait at ${this.pause}; it waits for ${for_}`
  }
}

/** An answer that is not what the pause asks for. Nothing was recorded; the pause still waits. */
export class InputInvalid extends Schema.TaggedError<InputInvalid>()("InputInvalid", {
  execution: Schema.String,
  pause: Schema.String,
  issues: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `the answer does not fit pause ${this.pause} of execution ${this.execution}: ${this.issues}`
  }
}

/** Nobody answered a pause in time. */
export class PauseTimedOut extends Schema.TaggedError<PauseTimedOut>()("PauseTimedOut", {
  pause: Schema.String,
  /** Until when it waited, in milliseconds since 1970. */
  until: Schema.Finite
}) {
  readonly isRetryable = false
  override get message(): string {
    return `nobody answered pause ${this.pause} in time`
  }
}
