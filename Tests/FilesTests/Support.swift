// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing

/// A file of `Tests/Fixtures`.
func fixture(_ name: String) -> String {
  URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/\(name)").standardized.path
}

/// The names in a folder, sorted.
func listing(_ folder: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
}

func read(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }

// Swift 6.3 takes a closure in the argument of `#expect` for another closure of the same function where both are within
// a closure. The functions below take closures in its stead.

/// What `body` throws; nil, and an issue, if it does not.
func thrown(sourceLocation: SourceLocation = #_sourceLocation, by body: () throws -> Void) -> (any Error)? {
  do {
    try body()
    Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    return nil
  } catch {
    return error
  }
}

/// The `InputError` that `body` throws; nil, and an issue, if it throws something else or nothing.
func inputError(sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void) -> InputError? {
  guard let error = thrown(sourceLocation: sourceLocation, by: body) else { return nil }
  if !(error is InputError) { Issue.record("not an InputError: \(error)", sourceLocation: sourceLocation) }
  return error as? InputError
}

/// Records an issue unless `body` throws an `InputError` whose text holds each of `fragments`.
func expectInputError(
  _ fragments: String..., sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) {
  guard let error = inputError(sourceLocation: sourceLocation, body) else { return }
  for fragment in fragments {
    #expect(error.description.contains(fragment), "\(error)", sourceLocation: sourceLocation)
  }
}

/// SplitMix64: the same bytes in every run.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Hands `open` thousands of damaged copies of a file: it must read each or refuse it with an `InputError`.
///
/// - Parameter open: reads the file at a path. It should touch everything it got.
func expectSurvival(of bytes: [UInt8], seeds: Range<UInt64>, open: (String) throws -> Void) throws {
  try withTemporaryFolder { folder in
    func attempt(_ damaged: [UInt8], _ comment: String) throws {
      // A new file each time: ext4 waits for the disk when one is cut and written again.
      let path = folder + "/" + comment
      defer { unlink(path) }
      try Data(damaged).write(to: URL(filePath: path))
      do {
        try open(path)
      } catch let error as InputError {
        #expect(error.path == path, "\(error)")
        #expect(!error.expected.isEmpty, "\(error)")
        #expect(!error.found.isEmpty, "\(error)")
      }
    }
    for part in 0..<50 { try attempt(Array(bytes[..<(bytes.count * part / 50)]), "cut at \(part) of 50") }
    for seed in seeds {
      var generator = SeededGenerator(state: seed)
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        // Most damage where it matters, at the front.
        let range = Bool.random(using: &generator) ? damaged.indices : 0..<min(512, damaged.count)
        let index = Int.random(in: range, using: &generator)
        damaged[index] = [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &generator)].randomElement(
          using: &generator)!
      }
      try attempt(damaged, "seed \(seed)")
    }
  }
}
