// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Objectives
public import Torch

/// A model with a head of embeddings, which says which of two responses is better (`GeneralPreference`). A
/// response by itself has no score: three may beat each other in a circle.
public final class PreferenceModel {
  /// Name of the model.
  public let name: String
  private let reader: ClassifierRewardModel
  private let preference: GeneralPreference

  /// - Throws: `InputError` for a run without a trained head of embeddings.
  public init(_ choice: ModelChoice) throws {
    try choice.requireHead()
    guard let rating = choice.artifacts.rating, rating.loss.givesEmbeddings else {
      throw InputError(
        path: choice.artifacts.settings.path, place: "key objective.preset", expected: "generalPreference",
        found: choice.artifacts.settings.objective.choice.rawValue,
        remedy: "Other reward models give each response a score.")
    }
    name = choice.name
    reader = try ClassifierRewardModel(choice.artifacts, choice.load(), rating.loss, name: name)
    preference = GeneralPreference(temperature: rating.temperature)
  }

  /// By how much each response is better than each, s/τ: `[i][j]` of i over j, whose probability is σ(s/τ).
  ///
  /// - Throws: `InputError` for a response that cannot be read; what the model throws.
  public func preferences(among requests: [RewardRequest]) throws -> [[Double]] {
    guard !requests.isEmpty else { return [] }
    let outputs = try reader.outputs(of: requests, tokenBudget: nil), count = outputs.count
    return try withTorchErrors {
      try noGrad {
        let embeddings = Tensor(outputs.flatMap { $0 }, shape: [count, outputs[0].count])
        let each = (0..<count).flatMap { i in (0..<count).map { (Int64(i), Int64($0)) } }
        func rows(_ indices: [Int64]) -> Tensor { embeddings.indexSelect(0, Tensor(indices)) }
        let scores = preference.scores(rows(each.map(\.0)), over: rows(each.map(\.1))) * (1 / preference.temperature)
        let values = try scores.values(of: Double.self)
        return (0..<count).map { Array(values[$0 * count..<($0 + 1) * count]) }
      }
    }
  }

  /// Mean probability that each response is better than another one to the same prompt; ½ for one that is alone.
  ///
  /// - Throws: as ``preferences(among:)``.
  public func winRates(of requests: [RewardRequest]) throws -> [Double] {
    var rates = [Double](repeating: 0.5, count: requests.count)
    for group in Dictionary(grouping: requests.indices, by: { requests[$0].messages }).values where group.count > 1 {
      let preferences = try preferences(among: group.map { requests[$0] })
      for (own, index) in group.enumerated() {
        let sum = group.indices.reduce(0) { $1 == own ? $0 : $0 + 1 / (1 + exp(-preferences[own][$1])) }
        rates[index] = sum / Double(group.count - 1)
      }
    }
    return rates
  }

  /// Outcome of one example with a single chosen response: of each rejected one by how much it is better than that.
  fileprivate func scores(of example: PreferenceExample, path: String) throws -> PreferenceScores {
    guard example.chosen.count == 1, example.image == nil else {
      throw InputError(
        path: path, place: "example \(example.id)", expected: "one chosen response, in text",
        found: "\(example.chosen.count)", remedy: "Several are for reward models that score each by itself.")
    }
    let preferences = try preferences(among: example.chosen + example.rejected)
    let rejected = example.rejected.indices.map { preferences[$0 + 1][0] }
    guard rejected.allSatisfy(\.isFinite) else {
      throw InputError(
        path: path, place: "example \(example.id)", expected: "numbers as preferences", found: "NaN or infinity",
        remedy: "The weights of \(name) may hold NaN.")
    }
    return PreferenceScores(chosen: [0], rejected: rejected)
  }
}

extension ModelChoice {
  /// Whether its model says which of two responses is better, and of one alone nothing.
  public var isOfPreferences: Bool { artifacts.rating?.loss.givesEmbeddings == true }
}

extension PreferenceEvaluation {
  /// Lets a model of preferences compare the chosen response of each example with each rejected one.
  ///
  /// - Parameters:
  ///   - skipBad: whether examples that are too long, or have several chosen responses, are left out and counted.
  ///   - group: processes that share the examples; nil for one alone.
  ///   - progress: told how many of this process's are done.
  /// - Throws: `InputError` for an example that cannot be compared, or if nothing is left.
  public init(
    _ set: PreferenceSet, _ model: PreferenceModel, skipBad: Bool = false, sharedBy group: ProcessGroup? = nil,
    progress: (_ done: Int) -> Void = { _ in }
  ) throws {
    let (found, skipped) = try Self.judged(
      set, "example that \(model.name) can compare", skipBad: skipBad, sharedBy: group, progress: progress
    ) { try model.scores(of: $0, path: set.path) }
    self.init(
      rewardModel: model.name, found.map { PreferenceOutcome($0, $1) }, skipped: skipped,
      remarks: ["Responses have no scores: each rejected one is compared with the chosen one."])
  }
}
