// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Torch

/// Runs a command as several processes on this machine, as torchrun does: `--processes`.
///
/// The first has the terminal; of the others only what they fail with is heard. Ctrl-C and SIGTERM reach all of them, and
/// all end when one does, or when this process ends, however that comes about.
public struct ProcessLauncher {
  /// How many.
  public var count: Int
  /// Program and arguments.
  public var words: [String]
  /// What to do when one of them is killed.
  public var remedy: String

  /// Memberwise.
  public init(_ words: [String], count: Int, remedy: String = "") {
    precondition(count > 0 && !words.isEmpty, "\(count) processes")
    (self.words, self.count, self.remedy) = (words, count, remedy)
  }

  /// Whether this process was started by one.
  public static var started: Bool { ProcessInfo.processInfo.environment[mark] != nil }

  private static let mark = "DIST2_LAUNCHED"
  /// For how long those that are left may say what went wrong.
  private static let patience = Duration.seconds(5)

  /// Runs them to their end.
  ///
  /// - Parameter complain: told in one line what went wrong, unless the first process has said it.
  /// - Returns: the exit code: 0 if all went well, 130 if they were stopped.
  /// - Throws: `InputError` if the processes cannot be started, `TorchError` if there is no port for their store.
  public func run(_ complain: (String) -> Void) throws -> Int32 {
    Interruption.listen()
    let store = try ProcessStore(host: "127.0.0.1", port: 0, serves: true, limit: .seconds(20))
    let lifeline = try Lifeline()
    var children = [LaunchedProcess]()
    defer { for rank in children.indices { children[rank].kill() } }
    for rank in 0..<count {
      children.append(
        try LaunchedProcess(words, environment(rank, store, lifeline), lifeline: lifeline.end, isHeard: rank == 0))
    }
    let faults = watch(&children)
    guard let first = faults.first else {
      return children.contains { $0.ending == .exit(130) } ? 130 : 0
    }
    // A signal says more than what the others made of it; then what they said of each other.
    let killed = faults.first { if case .signal? = children[$0].ending { true } else { false } }
    if let killed, case .signal(let number)? = children[killed].ending {
      guard !Interruption.isRequested else { return 130 }
      complain(
        "process \(killed) was killed by signal \(number)\(number == SIGKILL ? " (was there too little memory?)" : "")."
          + (remedy.isEmpty ? "" : " \(remedy)"))
    } else if (try? store.has(ProcessGroup.failureKey)) == true {
      complain(try store.get(ProcessGroup.failureKey, within: .seconds(1)))
    } else if first > 0 {
      let words = children[first].lastWords
      complain("process \(first): " + (words.isEmpty ? "it ended with \(children[first].ending!)" : words))
    }
    return 1
  }

  /// Waits for all; when one has failed, not for long.
  ///
  /// - Returns: which failed by themselves, in the order in which it was seen.
  private func watch(_ children: inout [LaunchedProcess]) -> [Int] {
    var faults = [Int](), end: ContinuousClock.Instant?, isTold = false
    while children.contains(where: { $0.ending == nil }) {
      for rank in children.indices where children[rank].hasEnded() {
        if children[rank].ending != .exit(0), children[rank].ending != .exit(130) { faults.append(rank) }
      }
      if Interruption.isRequested, !isTold {
        isTold = true
        for child in children { child.interrupt() }
      }
      if !faults.isEmpty {
        end = end ?? ContinuousClock.now + Self.patience
        if let end, ContinuousClock.now > end {
          for rank in children.indices { children[rank].kill() }
          return faults
        }
      }
      usleep(20_000)
    }
    return faults
  }

  /// torchrun's variables.
  private func environment(_ rank: Int, _ store: ProcessStore, _ lifeline: Lifeline) -> [String: String] {
    var environment = ProcessInfo.processInfo.environment
    let threads = max(1, ProcessInfo.processInfo.activeProcessorCount / count)
    environment["OMP_NUM_THREADS"] = environment["OMP_NUM_THREADS"] ?? "\(threads)"
    environment.merge(
      [
        "RANK": "\(rank)", "LOCAL_RANK": "\(rank)", "WORLD_SIZE": "\(count)", "LOCAL_WORLD_SIZE": "\(count)",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "\(store.port)", "TORCHELASTIC_USE_AGENT_STORE": "True",
        Self.mark: "1", WorkerProcess.mark: "\(lifeline.end)",
      ]) { $1 }
    return environment
  }
}

/// A pipe whose reader sees its end when this process ends.
private final class Lifeline {
  let end: Int32
  private let own: Int32

  init() throws(InputError) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw InputError(path: "<process>", expected: "a pipe", code: errno) }
    for descriptor in ends { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    (end, own) = (ends[0], ends[1])
  }

  deinit { for descriptor in [end, own] { close(descriptor) } }
}
