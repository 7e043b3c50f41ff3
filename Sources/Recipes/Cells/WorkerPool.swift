import Files
import Foundation
import Synchronization

/// What a worker says on its standard output, one JSON object a line.
public struct WorkerMessage: Codable, Sendable, Hashable {
  /// What it is doing: `training`, `testing`.
  public var phase: String
  /// Units done of the whole cell.
  public var completed: Int
  /// Units of the whole cell.
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

/// Why a cell came to nothing.
public struct WorkerFailure: Error, CustomStringConvertible {
  /// The cell's name.
  public var cell: String
  /// What the worker said last on standard error.
  public var message: String
  /// The cell and its message.
  public var description: String { "cell \(cell): \(message)" }
}

/// Runs cells in processes of their own, several at a time.
///
/// A process each, not a thread: libtorch's thread count and allocator belong to the process, and a cell that is
/// killed takes nothing else with it. Workers end with this process, however it ends: see `WorkerProcess`.
public struct WorkerPool: Sendable {
  /// Cells side by side.
  public var jobs: Int
  /// Command line of a cell's worker, from its name.
  public var command: @Sendable (String) -> [String]

  /// Memberwise.
  public init(jobs: Int, command: @escaping @Sendable (String) -> [String]) {
    self.jobs = jobs
    self.command = command
  }

  /// Runs every cell and returns when the last is over.
  ///
  /// - Parameter onMessage: told what a cell reports; called from several threads.
  /// - Throws: the first `WorkerFailure`, after the cells already running have finished.
  public func run(_ cells: [String], onMessage: @escaping @Sendable (String, WorkerMessage) -> Void) throws {
    let state = PoolState(cells)
    // A thread each; this one where the system gives fewer.
    Threads.perform(cells.count, threads: jobs) { _ in
      guard let cell = state.next() else { return }
      do { try run(cell, onMessage: onMessage) } catch { state.fail(error) }
    }
    if let failure = state.failure { throw failure }
  }

  private func run(_ cell: String, onMessage: @Sendable (String, WorkerMessage) -> Void) throws {
    var said = [UInt8]()  // the end of what it writes to standard error
    let ending: WorkerProcess.Ending
    do {
      ending = try WorkerProcess(command(cell)).run { line in
        if let message = try? JSONDecoder().decode(WorkerMessage.self, from: Data(line)) { onMessage(cell, message) }
      } onError: {
        said = (said + $0).suffix(4096)
      }
    } catch {
      throw WorkerFailure(cell: cell, message: "\(error)")
    }
    guard ending != .exit(0) else { return }
    let words = String(decoding: said, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    throw WorkerFailure(cell: cell, message: words.isEmpty ? "the worker ended with \(ending)" : words)
  }
}

/// Cells still to be run, shared by the pool's threads.
private final class PoolState: Sendable {
  private struct State: Sendable {
    var waiting: [String]
    var first: (any Error)?
  }

  private let state: Mutex<State>

  init(_ cells: [String]) { state = Mutex(State(waiting: cells.reversed())) }

  func next() -> String? { state.withLock { $0.first == nil ? $0.waiting.popLast() : nil } }
  func fail(_ error: any Error) { state.withLock { $0.first = $0.first ?? error } }
  var failure: (any Error)? { state.withLock { $0.first } }
}
