// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens

/// Numbers that depend on two others, and on chance: `37 82 =` → `514`.
///
/// y = M·(0.15 + 0.7·(0.6·a + 0.4·b)/99) + noise for a and b of 0 … 99 and M = 10^digits, rounded and kept within
/// 0 … M − 1. The signal's standard deviation is about 0.133 M.
public struct NoisyNumbers: Codable, Sendable, Hashable {
  /// Training examples.
  public var count: Int
  /// The noise's standard deviation as a share of the signal's.
  public var noise: Double
  /// Digits of the largest answer.
  public var digits: Int

  /// Memberwise.
  public init(count: Int, noise: Double, digits: Int) {
    (self.count, self.noise, self.digits) = (count, noise, digits)
  }

  /// Test and validation examples.
  static let tested = 200, validated = 100
  private static let signalShare = 0.133

  private var limit: Double { pow(10, Double(digits)) }
  /// The noise's standard deviation, in the answers' unit.
  var noiseDeviation: Double { noise * Self.signalShare * limit }

  /// One example.
  private func line(_ generator: inout CounterGenerator) -> JSON {
    let a = generator.next(below: 100), b = generator.next(below: 100)
    let clean = limit * (0.15 + 0.7 * (0.6 * Double(a) + 0.4 * Double(b)) / 99)
    let value = min(max((clean + noiseDeviation * generator.normal()).rounded(), 0), limit - 1)
    return ["prompt": .string("\(a) \(b) ="), "completion": .string(" \(Int(value))")]  // bounded: below the limit
  }

  /// Writes `train.jsonl`, `valid.jsonl` and `test.jsonl`, as far as they are not there.
  public func write(to folder: String, seed: Int) throws {
    let files = StudyFiles(folder: folder)
    try makeFolders(folder)
    // Tests are the same for all sizes of a seed.
    for (stream, path, count) in [
      (1, files.train, count), (2, files.valid, Self.validated), (3, files.test, Self.tested),
    ] as [(UInt64, String, Int)] where !fileExists(path) {
      var generator = CounterGenerator(0x7374_7564_79, UInt64(seed), stream)
      let lines = try (0..<count).map { _ in try line(&generator).output(pretty: false, path: path) + "\n" }
      try AtomicFile.write(lines.joined().utf8, to: path)
    }
  }
}

extension CounterGenerator {
  /// A number of the standard normal distribution (Box and Muller).
  fileprivate mutating func normal() -> Double {
    let u = (Double(next() >> 11) + 1) * 0x1p-53, angle = 2 * Double.pi * Double(next() >> 11) * 0x1p-53
    return (-2 * log(u)).squareRoot() * cos(angle)
  }
}
