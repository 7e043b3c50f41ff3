// SPDX-License-Identifier: Apache-2.0
import Files
import Objectives
import TokenData
import TokenModels
package import TorchNN

/// The reward model of a run: its model with what its run file says of ratings.
///
/// - Parameters:
///   - run: folder of a run (its best checkpoint), or a run file (the model it starts from).
///   - step: the checkpoint to take instead of the best.
///   - overrides: assignments to keys of the run file.
/// - Throws: `InputError` if there is no such run, or it rates nothing.
public func loadRewardModel(run: String, step: Int? = nil, overrides: [String] = []) throws -> any RewardModel {
  try loadRewardModel(ModelChoice(run, step: step, overrides: overrides))
}

/// The reward model of a run that was chosen.
public func loadRewardModel(_ choice: ModelChoice) throws -> any RewardModel {
  try choice.requireHead()
  return try makeRewardModel(choice.artifacts, choice.load(), name: choice.name)
}

/// The reward model that a model of a run is: one that answers, or one with a head of scores.
package func makeRewardModel(_ artifacts: RunArtifacts, _ model: any TokenModel, name: String) throws -> any RewardModel
{
  if artifacts.rating?.loss.givesEmbeddings == true {
    throw InputError(
      path: artifacts.settings.path, place: "key objective.preset", expected: "a reward model that scores a response",
      found:
        "\(artifacts.settings.objective.choice.rawValue), which says which of two responses is better, in circles too",
      remedy: "Compare responses: dist2 evaluate RUN --pairs FILE, or dist2 generate --best-by RUN.")
  }
  return try artifacts.rating.map { try ClassifierRewardModel(artifacts, model, $0.loss, name: name) }
    ?? GenerativeRewardModel(artifacts, model, name: name)
}

extension ModelChoice {
  /// Throws unless responses are rated, by a head that was trained if there is one.
  func requireHead() throws {
    _ = try artifacts.ratings
    guard artifacts.rating == nil || checkpoint != nil else {
      throw InputError(
        path: artifacts.settings.path, expected: "a run that has trained a head of scores", found: "none",
        remedy: "Train first: dist2 train \(artifacts.settings.path).")
    }
  }
}

extension RunArtifacts {
  /// How responses are rated.
  ///
  /// - Throws: `InputError` if the run file does not say.
  var ratings: RatingReader {
    get throws {
      guard let reward = settings.reward else {
        throw InputError(
          path: settings.path, place: "key reward", expected: "how responses are rated", found: "no such key",
          remedy: "Rewards are read from runs whose file has a reward section: docs/reward-models.md.")
      }
      var ratings = reward
      ratings.isConversation = rating != nil
      ratings.learnsResponse = rating?.loss.readsTexts ?? false
      return ratings
    }
  }
}
