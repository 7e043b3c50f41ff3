// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Reports

/// Examples that objectives are compared on.
enum StudyProblem: Sendable, Hashable {
  /// Noisy numbers, made up with a known noise.
  case numbers(NoisyNumbers)
  /// A real table.
  case table(StudyTable)

  /// `n = 200`, `diabetes`
  var name: String {
    switch self {
    case .numbers(let numbers): "n = \(numbers.count)"
    case .table(let table): table.name
    }
  }

  /// Problems of one title stand in one table.
  var group: String {
    switch self {
    case .numbers(let numbers):
      "\(Quantity.counted(numbers.digits, "digit")), noise \(numbers.noise) of the signal"
    case .table: "tables"
    }
  }

  /// Files of examples, written into `folder` where they are made up.
  ///
  /// - Parameter seed: of the training examples and the noise; the real tables have one split.
  func files(in folder: String, seed: Int) throws -> StudyFiles {
    switch self {
    case .numbers(let numbers):
      try numbers.write(to: folder, seed: seed)
      return StudyFiles(folder: folder)
    case .table(let table): return StudyFiles(folder: table.folder)
    }
  }
}

/// A folder with `train.jsonl`, `valid.jsonl`, `test.jsonl` and `table.json`.
public struct StudyTable: Codable, Sendable, Hashable {
  /// The folder's name.
  public var name: String
  /// Absolute.
  public var folder: String

  /// Those of a folder, by name.
  ///
  /// - Throws: `InputError` if there is none, or one that cannot be read.
  static func all(in folder: String) throws -> [StudyTable] {
    let folder = absolutePath(folder)
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let names = entries.filter { fileExists("\(folder)/\($0)/table.json") }.sorted()
    guard !names.isEmpty else {
      throw InputError(
        path: folder, expected: "folders with table.json, train.jsonl, valid.jsonl and test.jsonl", found: "none",
        remedy: "scripts/study_tables.py makes them from packages on PyPI.")
    }
    let tables = names.map { StudyTable(name: $0, folder: "\(folder)/\($0)") }
    // Now, not after hours of training.
    for table in tables { _ = try StudyFloors(table) }
    return tables
  }
}

/// Where examples are.
struct StudyFiles {
  let folder: String
  var train: String { folder + "/train.jsonl" }
  var valid: String { folder + "/valid.jsonl" }
  var test: String { folder + "/test.jsonl" }
}
