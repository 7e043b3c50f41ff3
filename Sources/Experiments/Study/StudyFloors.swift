// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import Objectives
import Recipes
import Reports

/// What other methods come to on a table, as `scripts/study_tables.py` measured it.
struct StudyFloors: Decodable {
  struct Figures: Decodable {
    var crps: Double
  }
  var train: Int
  var floors: [String: Figures]

  /// Nil where there is no such file any more.
  init?(_ table: StudyTable) throws {
    let path = table.folder + "/table.json"
    guard fileExists(path) else { return nil }
    do {
      self = try JSONDecoder().decode(StudyFloors.self, from: Data(fileBytes(path, limit: 1 << 20)))
    } catch let error as DecodingError {
      throw InputError(
        path: path, expected: "train and floors, as scripts/study_tables.py writes them", found: "\(error)")
    }
  }
}

extension StudySummary {
  /// CRPS on every table, beside methods that read its columns instead of text; nil without tables.
  func floors(_ rule: Selection) throws -> Table? {
    let shown = variants.filter { [.sft, .dist, .valueDrawn].contains($0.preset) && ($0.alpha ?? 1) == 1 }
    let methods = ["median", "ridge", "boosting"]
    var table = Table(
      "CRPS of tables, \(rule.caption)",
      columns: [Table.Column("table"), Table.Column("n", alignment: .right)]
        + methods.map { Table.Column($0, alignment: .right) }
        + shown.map { Table.Column($0.name, alignment: .right) })
    for problem in problems {
      guard case .table(let source) = self.problem(problem), let floors = try StudyFloors(source) else { continue }
      let figures = methods.map { floors.floors[$0]?.crps } + shown.map { mean(.crps, $0, problem, rule) }
      let decimals = (figures[0] ?? 0) >= 10 ? 1 : 3
      table.add(
        [.text(source.name), .count(floors.train)]
          + figures.map { $0.map { .number($0, decimals: decimals) } ?? .missing })
    }
    guard !table.rows.isEmpty else { return nil }
    table.emphasizeBest(.lowest, across: Array(4..<table.columns.count))
    table.notes.append(
      "Median, ridge regression and gradient boosting read the same columns as numbers and categories; the models read "
        + "them as text and begin with random weights. Best of the learners marked.")
    return table
  }
}
