// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Synchronization

/// Message of a worker on its standard output, one JSON object a line.
public struct WorkerMessage: Codable, Sendable, Hashable {
  /// Phase: `training`, `testing`.
  public var phase: String
  /// Units done of the whole run.
  public var completed: Int
  /// Units of the whole run.
  public var total: Int
  /// Loss of the last step, while training.
  public var loss: Double?

  /// Memberwise.
  public init(phase: String, completed: Int, total: Int, loss: Double? = nil) {
    self.phase = phase
    self.completed = completed
    self.total = total
    self.loss = loss
  }
}

/// The reason that a run failed.
public struct WorkerFailure: Error, CustomStringConvertible {
  /// The run's name.
  public var runName: String
  /// Last words of the worker on standard error.
  public var message: String
  /// The run and its message.
  public var description: String { "run \(runName): \(message)" }
}

/// Executes runs in processes of their own, several at a time.
///
/// A process each, not a thread: libtorch's thread count and allocator belong to the process, and a run that is
/// killed takes nothing else with it. Workers end with this process, however it ends: see `WorkerProcess`.
public struct WorkerPool: Sendable {
  /// Runs side by side.
  public var jobs: Int
  /// Command line of a run's worker, from its name.
  public var command: @Sendable (String) -> [String]

  /// Memberwise.
  public init(jobs: Int, command: @escaping @Sendable (String) -> [String]) {
    self.jobs = jobs
    self.command = command
  }

  /// Executes every run and returns when the last is over.
  ///
  /// - Parameter onMessage: told what a run reports; called from several threads.
  /// - Throws: the first `WorkerFailure`, after those already begun have finished.
  public func run(_ runNames: [String], onMessage: @escaping @Sendable (String, WorkerMessage) -> Void) throws {
    let state = PoolState(runNames)
    // A thread each; this one where the system gives fewer.
    Threads.perform(runNames.count, threads: jobs) { _ in
      guard let runName = state.next() else { return }
      do { try run(runName, onMessage: onMessage) } catch { state.fail(error) }
    }
    if let failure = state.failure { throw failure }
  }

  private func run(_ runName: String, onMessage: @Sendable (String, WorkerMessage) -> Void) throws {
    var said = [UInt8]()  // the end of what it writes to standard error
    let ending: WorkerProcess.Ending
    do {
      ending = try WorkerProcess(command(runName)).run { line in
        if let message = try? JSONDecoder().decode(WorkerMessage.self, from: Data(line)) { onMessage(runName, message) }
      } onError: {
        said = (said + $0).suffix(4096)
      }
    } catch {
      throw WorkerFailure(runName: runName, message: "\(error)")
    }
    guard ending != .exit(0) else { return }
    let words = String(decoding: said, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    throw WorkerFailure(runName: runName, message: words.isEmpty ? "the worker ended with \(ending)" : words)
  }
}

/// Runs still to be run, shared by the pool's threads.
private final class PoolState: Sendable {
  private struct State: Sendable {
    var waiting: [String]
    var first: (any Error)?
  }

  private let state: Mutex<State>

  init(_ runNames: [String]) { state = Mutex(State(waiting: runNames.reversed())) }

  func next() -> String? { state.withLock { $0.first == nil ? $0.waiting.popLast() : nil } }
  func fail(_ error: any Error) { state.withLock { $0.first = $0.first ?? error } }
  var failure: (any Error)? { state.withLock { $0.first } }
}
