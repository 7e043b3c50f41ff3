import Dispatch
public import MetricTokens
import Synchronization

/// Another source's batches, each step's prepared on a thread of its own while the step before it is computed.
///
///     try trainer.fit(PrefetchedBatches(ExampleBatches(examples, plan: plan)))
///
/// For examples that are read or encoded only when asked for. Order and results are the source's own, and so are its
/// errors: one appears when its step is asked for, not before. What was prepared for a step that nobody asks for is
/// thrown away.
public final class PrefetchedBatches: BatchSource {
  public let plan: BatchPlan
  private let worker: Worker
  /// Serial: whoever waits on it waits for the preparation under way.
  private let queue = DispatchQueue(label: "dist2.prefetch")

  /// - Parameter source: handed over: two threads take turns with it, so the caller may keep nothing of it that can
  ///   change (the compiler sees to that). Its examples may be of a class that is not `Sendable`.
  public init(_ source: sending any BatchSource) {
    plan = source.plan
    worker = Worker(source)
  }

  public func batches(ofStep step: Int) throws -> [TokenBatch] {
    let batches = try queue.sync { [worker] in worker.take(step) }.get()
    queue.async { [worker] in worker.prepare(step + 1) }
    return batches
  }

  public func supervisions(ofStep step: Int) throws -> [Supervision] {
    try queue.sync { [worker] in worker.supervisions(step) }.get()
  }
}

/// A source and what it has prepared, for one thread at a time.
private final class Worker: Sendable {
  private struct State {
    let source: any BatchSource
    var prepared: (step: Int, result: Result<[TokenBatch], any Error>)?
  }
  private let state: Mutex<State>

  init(_ source: sending any BatchSource) { state = Mutex(State(source: source)) }

  func prepare(_ step: Int) {
    state.withLock { state in
      let source = state.source
      state.prepared = (step, Result { try source.batches(ofStep: step) })
    }
  }

  func supervisions(_ step: Int) -> Result<[Supervision], any Error> {
    state.withLock { state in
      let source = state.source
      return Result { try source.supervisions(ofStep: step) }
    }
  }

  /// What was prepared for the step, or what the source says now.
  func take(_ step: Int) -> Result<[TokenBatch], any Error> {
    state.withLock { state in
      defer { state.prepared = nil }
      if let prepared = state.prepared, prepared.step == step { return prepared.result }
      let source = state.source
      return Result { try source.batches(ofStep: step) }
    }
  }
}
