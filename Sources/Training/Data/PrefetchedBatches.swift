// SPDX-License-Identifier: Apache-2.0
import Files
public import MetricTokens
import Synchronization

/// Another source's batches, each step's prepared on a thread of its own while the step before it is computed.
///
///     try trainer.fit(PrefetchedBatches(ExampleBatches(examples, plan: plan)))
///
/// For examples that are read or encoded only when asked for. Order and results are the source's own, and so are its
/// errors: one appears when its step is asked for, not before. What was prepared for a step that nobody asks for is
/// thrown away. Where the system has no thread to give, batches are prepared when they are asked for.
public final class PrefetchedBatches: BatchSource {
  /// Which examples a step has.
  public let plan: BatchPlan
  private let worker: Worker

  /// - Parameter source: handed over: two threads take turns with it, so the caller may keep nothing of it that can
  ///   change (the compiler sees to that). Its examples may be of a class that is not `Sendable`.
  public init(_ source: sending any BatchSource) {
    plan = source.plan
    worker = Worker(source)
  }

  /// The micro-batches of a step.
  ///
  /// - Throws: `InputError` for an example that cannot be made.
  public func batches(ofStep step: Int) throws -> [TokenBatch] {
    let batches = try worker.take(step, wanting: step + 1).get()
    try? Threads.detach { [worker] in worker.prepare() }
    return batches
  }

  /// What is supervised in a step, without images.
  public func supervisions(ofStep step: Int) throws -> [Supervision] { try worker.supervisions(step).get() }
}

/// A source and what it has prepared, for one thread at a time: who asks waits for the preparation under way.
private final class Worker: Sendable {
  private struct State {
    let source: any BatchSource
    /// The step to be prepared, until it is taken.
    var wanted: Int?
    var prepared: (step: Int, result: Result<[TokenBatch], any Error>)?
  }
  private let state: Mutex<State>

  init(_ source: sending any BatchSource) { state = Mutex(State(source: source)) }

  func prepare() {
    state.withLock { state in
      // Who came first has made it already.
      guard let step = state.wanted else { return }
      let source = state.source
      state.wanted = nil
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
  func take(_ step: Int, wanting next: Int) -> Result<[TokenBatch], any Error> {
    state.withLock { state in
      defer { (state.prepared, state.wanted) = (nil, next) }
      if let prepared = state.prepared, prepared.step == step { return prepared.result }
      let source = state.source
      return Result { try source.batches(ofStep: step) }
    }
  }
}
