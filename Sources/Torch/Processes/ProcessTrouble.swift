// SPDX-License-Identifier: Apache-2.0
import Foundation

/// How processes learn which of them went wrong, and that it is said once: by who is first to put it into the store.
struct ProcessTrouble {
  let store: ProcessStore
  let place: ProcessPlace
  /// What is under this belongs to this life of the run.
  let generation: String
  let limit: Duration

  private var failed: String { "\(generation)/failed" }
  private func isAlive(_ rank: Int) -> String { "\(generation)/alive/\(rank)" }

  /// Tells the others why this process ends.
  ///
  /// - Returns: whether it was the first to say anything; nil if nobody can be told.
  func report(_ words: String) -> Bool? {
    guard let count = try? store.add("\(failed)/count") else { return nil }
    if count == 1 {
      try? store.set(failed, words)
      try? store.set(ProcessGroup.failureKey, words)
    }
    // The store ends with this process: the others look there first.
    if place.keepsStore {
      for _ in 0..<150 where ((try? store.add("\(failed)/count", 0)) ?? place.size) < place.size { pause(20) }
    }
    return count == 1
  }

  /// Who is to blame for a collective that broke.
  ///
  /// Who still lives says so, and looks who does not; a process that failed by an error has said which.
  ///
  /// - Parameters:
  ///   - words: c10d's.
  ///   - waited: for how long the collective ran.
  func broken(_ words: String, after waited: Duration) -> ProcessFailure {
    do {
      try store.set(isAlive(place.rank), "")
      for round in 0..<150 {
        if try store.has(failed) { return ProcessFailure(try store.get(failed, within: .seconds(1))) }
        // Errors travel faster than this.
        if round >= 25, try missing().count <= 1 { break }
        pause(20)
      }
      let missing = try missing()
      if missing.isEmpty { return ProcessFailure("the connection between the processes broke: \(words)") }
      let names = missing.map { "process \($0)" }.joined(separator: ", ")
      return ProcessFailure(
        waited > limit * 0.8
          ? "\(names) did not answer for \(limit.seconds) s: it hangs, or needs a longer --timeout."
          : "\(names) ended without a word: killed, or out of memory?")
    } catch {
      // In the library's words (native/group.cpp): nothing says that it has ended.
      guard !"\(error)".contains("does not answer") else {
        let keeper = place.isStoreElsewhere ? "the launcher" : "process 0"
        return ProcessFailure(
          "process \(place.rank) cannot reach \(place.host):\(place.port), where \(keeper) keeps the store: has the "
            + "machine or the network gone?")
      }
      return place.isStoreElsewhere
        ? ProcessFailure("the store of the run has gone: who started process \(place.rank) has ended.")
        : ProcessFailure("process 0, which keeps the store, ended without a word: killed, or out of memory?")
    }
  }

  private func missing() throws -> [Int] { try (0..<place.size).filter { try !store.has(isAlive($0)) } }
}

extension ProcessGroup {
  /// Where ``report(_:)`` puts it for who started the processes.
  public static let failureKey = "dist2/failure"

  /// An error of this process in a line that names the one at fault.
  public func words(for error: any Error) -> String {
    error is ProcessFailure ? "\(error)" : "process \(rank): \(error)"
  }

  /// Tells the others why this process ends.
  ///
  /// - Returns: whether it was the first to say anything, so that it should be said to the user here; nil if nobody can be
  ///   told.
  @discardableResult public func report(_ error: any Error) -> Bool? { trouble.report(words(for: error)) }

  /// Makes sure that all processes have the same, and names the first that differs from process 0.
  ///
  /// - Parameter facts: in the order in which they are compared; a name must not appear twice.
  /// - Throws: ``ProcessFailure``, the same in all processes.
  public func agree(on facts: [(name: String, value: String)], remedy: String) throws {
    let own = try JSONEncoder().encode(facts.map { [$0.name, $0.value] })
    let all = try gather(String(decoding: own, as: UTF8.self)).map { text in
      try JSONDecoder().decode([[String]].self, from: Data(text.utf8))
    }
    let first = all[0]
    for (rank, theirs) in all.enumerated().dropFirst() where theirs != first {
      let values = Dictionary(theirs.map { ($0[0], $0[1]) }) { $1 }, known = Set(first.map { $0[0] })
      let found =
        first.first { values[$0[0]] != $0[1] }.map { ($0[0], values[$0[0]], Optional($0[1])) }
        ?? theirs.first { !known.contains($0[0]) }.map { ($0[0], Optional($0[1]), nil) }
      guard let (name, other, mine) = found else { continue }
      throw ProcessFailure(
        "process \(rank) has another \(name) than process 0: \(other ?? "none") instead of \(mine ?? "none"). \(remedy)"
      )
    }
  }
}

/// Waits a few milliseconds for others.
func pause(_ milliseconds: UInt32 = 5) { usleep(milliseconds * 1000) }
