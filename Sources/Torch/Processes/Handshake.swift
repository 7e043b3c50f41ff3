// SPDX-License-Identifier: Apache-2.0

/// How the processes of a run find each other before any connection is made between them: c10d itself compares nothing,
/// and waits.
///
/// torchrun keeps one store over all its restarts, so what stands there may be by processes that are dead. Nothing counts
/// that was not asked for by a number that only the living know. Process r says hello with a number of its own; process 0
/// answers under that number with the run's *generation*, a prefix of all further keys; r introduces itself under it.
/// Process 0 judges, and its verdict is everybody's.
struct Handshake {
  let store: ProcessStore
  let place: ProcessPlace
  /// What must be the same in all of them.
  let introduction: String
  let limit: Duration

  private var own: String { "\(place.size) processes, \(introduction)" }
  private func hello(_ rank: Int) -> String { "dist2/hello/\(rank)" }
  private func answer(_ number: String) -> String { "dist2/answer/\(number)" }
  private func here(_ rank: Int, _ generation: String) -> String { "\(generation)/here/\(rank)" }
  private func verdict(_ generation: String) -> String { "\(generation)/verdict" }
  private func heard(_ generation: String) -> String { "\(generation)/heard" }

  /// - Returns: the generation.
  /// - Throws: ``ProcessFailure`` naming who is missing, there twice, or of another version.
  func generation() throws -> String {
    let number = String(UInt64.random(in: 0 ... .max), radix: 16)
    let generation = place.rank == 0 ? "dist2/\(number)" : try introduced(number)
    let found = place.rank == 0 ? try judged(generation) : try store.get(verdict(generation), within: limit)
    if place.rank > 0 { try store.add(heard(generation)) }
    guard found.isEmpty else { throw ProcessFailure(found) }
    return generation
  }

  private func introduced(_ number: String) throws -> String {
    try store.set(hello(place.rank), number)
    guard let generation = try? store.get(answer(number), within: limit) else {
      throw ProcessFailure(
        "process 0 did not answer process \(place.rank) within \(limit.seconds) s at \(place.host):\(place.port). It is not "
          + "there, or it has all its processes: RANK and WORLD_SIZE must be right.")
    }
    let key = here(place.rank, generation)
    guard try store.add(key + "/count") == 1 else {
      throw ProcessFailure("process \(place.rank) is there twice: each needs a RANK of its own.")
    }
    try store.set(key, own)
    return generation
  }

  /// Waits for all processes and compares them with this one.
  private func judged(_ generation: String) throws -> String {
    var answered = [Int: String](), found = "", missing = Array(1..<place.size)
    let start = ContinuousClock.now
    while !missing.isEmpty, found.isEmpty {
      for rank in 1..<place.size where try store.has(hello(rank)) {
        let number = try store.get(hello(rank), within: limit)
        guard answered[rank] != number else { continue }
        answered[rank] = number
        try store.set(answer(number), generation)
      }
      missing = try missing.filter { try !store.has(here($0, generation)) }
      // The others still listen then.
      if !missing.isEmpty, ContinuousClock.now - start > limit * 0.75 {
        found =
          "of \(place.size) processes \(missing.map { "process \($0)" }.joined(separator: ", ")) did not come within "
          + "\((limit * 0.75).seconds) s."
      }
      if !missing.isEmpty, found.isEmpty { pause() }
    }
    for rank in 1..<place.size where found.isEmpty {
      let theirs = try store.get(here(rank, generation), within: limit)
      if theirs != own { found = "process \(rank) has \(theirs); process 0 has \(own)." }
    }
    try store.set(verdict(generation), found)
    // The store ends with this process.
    if !found.isEmpty {
      for _ in 0..<200 where try store.add(heard(generation), 0) < answered.count { pause() }
    }
    return found
  }
}

extension Duration {
  /// For words.
  var seconds: Int { Int(self / .seconds(1)) }
}
