// SPDX-License-Identifier: Apache-2.0
public import Recipes
public import Evaluation
public import Files
import Foundation
import TokenData
public import Torch
public import TorchNN

/// Lets a model that sees answer files of referring expressions, such as `dist2 new-data grounding` writes, and says
/// how many it finds.
public struct GroundingEvaluation {
  private let artifacts: RunArtifacts
  private let model: any TokenModel
  private let template: GroundingTemplate
  private let group: ProcessGroup?

  /// - Parameters:
  ///   - template: how boxes were asked for.
  ///   - group: processes that share the examples; nil for one alone.
  public init(
    _ artifacts: RunArtifacts, _ model: any TokenModel, _ template: GroundingTemplate = .init(),
    sharedBy group: ProcessGroup? = nil
  ) {
    (self.artifacts, self.model, self.template, self.group) = (artifacts, model, template, group)
  }

  /// The answers to a file, of which at most `evaluate.limit` examples are asked.
  ///
  /// - Parameter progress: told of each answer of this process.
  /// - Throws: `InputError` naming file and line for rows without a box; what generation throws.
  public func outcomes(
    _ path: String, progress: @escaping (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws -> [GroundingOutcome] {
    let skipsBad = artifacts.settings.data.skipBad
    let rows = try GroundingData([path], images: nil, template, skipsBad: skipsBad).rows.flatMap(\.rows)
    let evaluating = try Evaluating(artifacts, model, artifacts.dataset(path), sharedBy: group, progress: progress)
    return try Self.outcomes(evaluating.records, rows: rows, template, path: path)
  }

  /// Answers beside the rows they belong to, by their names.
  ///
  /// - Throws: `InputError` if an answer belongs to none.
  public static func outcomes(
    _ records: [PredictionRecord], rows: [ReferringRow], _ template: GroundingTemplate = .init(), path: String
  ) throws(InputError) -> [GroundingOutcome] {
    let named = Dictionary(rows.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    var outcomes = [GroundingOutcome]()
    for record in records {
      guard let row = named[record.id] else {
        throw InputError(
          path: path, place: record.id, expected: "a row with bbox, width and height", found: "none",
          remedy: "Make such files with dist2 new-data grounding.")
      }
      outcomes.append(GroundingOutcome(row, answer: record.text, template))
    }
    return outcomes
  }
}
