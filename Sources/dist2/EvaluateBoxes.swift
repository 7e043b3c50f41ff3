// SPDX-License-Identifier: Apache-2.0
import TaskData
import Files
import Foundation
import Recipes
import Reports
import Torch

/// `dist2 evaluate RUN --boxes FILE,FILE`: lets a model that sees find what is meant, split by split.
struct EvaluateBoxes {
  /// Files of referring expressions; each is a split.
  var files: [String]
  /// Cells of the grid that answers count, along either side.
  var grid: Int
  /// Folder of a model of whose way boxes are; nil: they lie on the grid.
  var boxesOf: String?
  /// Folder of the page and of each split's results.
  var output: String
  /// Processes that share the work; nil for one alone.
  var group: ProcessGroup?

  func run(_ choice: ModelChoice) throws {
    for path in files where !FileManager.default.fileExists(atPath: path) {
      throw InputError(path: path, expected: "a file of referring expressions", found: "no such file")
    }
    let names = files.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent }
    guard Set(names).count == names.count else {
      throw InputError(
        path: "<arguments>", place: "--boxes",
        expected: "files of different names, since results are called after them",
        found: names.joined(separator: ", "), remedy: "Rename one, or evaluate them one by one with an --output each.")
    }
    let template = try boxesOf.map { GroundingTemplate(try NamedBoxes(model: $0)) } ?? GroundingTemplate(side: grid)
    let evaluation = GroundingEvaluation(choice.artifacts, try choice.load(), template, sharedBy: group)
    let outcomes = try files.map { path in
      let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
      let found = try ProgressBar.run("answering \(name)", unit: "example") { bar in
        try evaluation.outcomes(path) { done, _ in bar.update(completed: group.overall(done)) }
      }
      return (split: name, outcomes: found)
    }
    guard group.isFirst else { return }
    let report = GroundingReport(model: choice.name, outcomes)
    try report.write(to: output, command: CommandLine.asTyped)
    print(report.table.text(terminal: .standardOutput))
    print("Report: \(output)/grounding.html")
  }
}
