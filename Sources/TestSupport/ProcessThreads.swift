// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization
public import Torch

/// Whether suites may let several ranks live in one process.
///
/// Nobody else does: with libtorch 2.11 one of about thirty such runs ended in a crash inside libstdc++, while several
/// groups were connected at once. So these suites have a process of their own (scripts/test.sh); `ManyProcessesTests` has
/// real processes.
public let allowsRanksAsThreads = ProcessInfo.processInfo.environment["DIST2_RANKS_AS_THREADS"] == "1"

/// Runs `body` in several threads at once, each of which stands for a process: it has a group and a store's client of its
/// own, connected by sockets as those of processes are.
///
/// - Parameter limit: for how long a collective waits.
/// - Returns: what each came to, by rank.
public func inProcesses<T: Sendable>(
  _ count: Int, limit: Duration = .seconds(60), _ body: @escaping @Sendable (ProcessGroup) throws -> T
) throws -> [Result<T, any Error>] {
  let store = try ProcessStore(host: "127.0.0.1", port: 0, serves: true, limit: .seconds(20))
  return try inThreads(count) { [port = store.port] rank in
    let place = ProcessPlace(
      rank: rank, size: count, localRank: rank, host: "127.0.0.1", port: port, isStoreElsewhere: true)
    let group = try ProcessGroup(place, introduction: "tests", joining: .seconds(60), limit: limit)
    do {
      let result = try body(group)
      group.leave()
      return result
    } catch {
      group.report(error)
      throw error
    }
  }
}

/// Runs `body` in several threads at once.
public func inThreads<T: Sendable>(
  _ count: Int, _ body: @escaping @Sendable (Int) throws -> T
) throws -> [Result<T, any Error>] {
  let results = Shared<T>(), done = DispatchSemaphore(value: 0)
  for index in 0..<count {
    Thread.detachNewThread {
      results.add(index, Result { try body(index) })
      done.signal()
    }
  }
  for _ in 0..<count {
    guard done.wait(timeout: .now() + 120) == .success else { throw ProcessFailure("a thread did not end") }
  }
  return results.all
}

private final class Shared<T: Sendable>: Sendable {
  private let results = Mutex<[Int: Result<T, any Error>]>([:])
  func add(_ index: Int, _ result: Result<T, any Error>) { results.withLock { $0[index] = result } }
  var all: [Result<T, any Error>] { results.withLock { all in all.keys.sorted().compactMap { all[$0] } } }
}
