// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import TestSupport
import Testing

/// Models by the hub's names, in a cache as `hf download` leaves it.
@Suite(.serialized) struct HubModelTests {
  /// Calls `body` with a cache of one model at commit c1 (main) and c2 (tag v2), as HF_HUB_CACHE.
  private func withCache<R>(_ body: (String) throws -> R) throws -> R {
    try withTemporaryFolder { folder in try withCache(folder + "/hub", body) }
  }

  private func withCache<R>(_ cache: String, _ body: (String) throws -> R) throws -> R {
    let model = cache + "/models--Org--Tiny-1.5"
    for (commit, ref) in [("c1", "main"), ("c2", "v2")] {
      try FileManager.default.createDirectory(
        atPath: "\(model)/snapshots/\(commit)", withIntermediateDirectories: true)
      try FileManager.default.createDirectory(atPath: "\(model)/refs", withIntermediateDirectories: true)
      try "\(commit)\n".write(toFile: "\(model)/refs/\(ref)", atomically: true, encoding: .utf8)
      try "{}".write(toFile: "\(model)/snapshots/\(commit)/config.json", atomically: true, encoding: .utf8)
    }
    setenv("HF_HUB_CACHE", cache, 1)
    defer { unsetenv("HF_HUB_CACHE") }
    return try body(cache)
  }

  @Test func namesAreResolvedByBranchTagAndCommit() throws {
    try withCache { cache in
      let model = cache + "/models--Org--Tiny-1.5/snapshots/"
      let found = try ["Org/Tiny-1.5", "Org/Tiny-1.5@v2", "Org/Tiny-1.5@c2"].map { try modelFolder($0) }
      #expect(found == [model + "c1", model + "c2", model + "c2"])
    }
  }

  @Test func whatIsNotThereSaysHowToDownloadIt() throws {
    try withCache { cache in
      func refusal(_ name: String) -> String {
        do { return try modelFolder(name) } catch { return "\(error)" }
      }
      #expect(refusal("Org/Other").contains("hf download Org/Other (pip"))
      #expect(refusal("Org/Tiny-1.5@v3").contains("hf download Org/Tiny-1.5 --revision v3"))
      #expect(!refusal("../Org").contains("hf download"))
      try FileManager.default.removeItem(atPath: cache + "/models--Org--Tiny-1.5/snapshots/c1/config.json")
      #expect(refusal("Org/Tiny-1.5").contains("a part of it in \(cache)/models--Org--Tiny-1.5"))
    }
  }
}
