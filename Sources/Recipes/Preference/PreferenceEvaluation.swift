// SPDX-License-Identifier: Apache-2.0
import Files
public import Torch

/// Lets a reward model rate every response of a set of preferences.
public struct PreferenceEvaluation: Sendable {
  /// Name of the reward model.
  public let rewardModel: String
  /// Outcome of each example, in their order.
  public let outcomes: [PreferenceOutcome]
  /// Examples that could not be rated, and why.
  public let skipped: [(id: String, reason: String)]
  /// Further remarks on the outcomes.
  public let remarks: [String]

  init(
    rewardModel: String, _ outcomes: [PreferenceOutcome], skipped: [(id: String, reason: String)], remarks: [String]
  ) {
    (self.rewardModel, self.outcomes, self.skipped, self.remarks) = (rewardModel, outcomes, skipped, remarks)
  }

  /// Judges examples one by one.
  ///
  /// - Parameters:
  ///   - kind: what can be judged: `example that m can compare`.
  ///   - skipBad: whether examples that cannot be judged are left out and counted.
  ///   - group: processes that share the examples; nil for one alone.
  ///   - progress: told how many of this process's are done.
  /// - Returns: what was found of those that could be judged, and why others could not.
  /// - Throws: `InputError` for an example that cannot be judged, or if nothing is left; what `judge` throws.
  static func judged<Found: Codable>(
    _ set: PreferenceSet, _ kind: String, skipBad: Bool, sharedBy group: ProcessGroup?,
    progress: (_ done: Int) -> Void,
    _ judge: (PreferenceExample) throws -> Found
  ) throws -> (found: [(example: PreferenceExample, Found)], skipped: [(id: String, reason: String)]) {
    let all = try group.sharing(set.examples) { examples in
      try examples.enumerated().map { index, example in
        defer { progress(index + 1) }
        do { return Judgement.found(try judge(example)) } catch let error as InputError {
          guard skipBad else { throw error }
          return .problem(error.description)
        }
      }
    }
    var found = [(example: PreferenceExample, Found)](), skipped = [(id: String, reason: String)]()
    for (example, judgement) in zip(set.examples, all) {
      switch judgement {
      case .found(let own): found.append((example, own))
      case .problem(let reason): skipped.append((example.id, reason))
      }
    }
    guard !found.isEmpty else { throw nothingLeft(of: set, kind, skipped) }
    return (found, skipped)
  }

  /// What came of an example.
  private enum Judgement<Found: Codable>: Codable {
    case found(Found)
    case problem(String)
  }

  private static func nothingLeft(
    of set: PreferenceSet, _ kind: String, _ skipped: [(id: String, reason: String)]
  ) -> InputError {
    InputError(
      path: set.path, expected: "at least one \(kind)", found: "none of \(skipped.count)",
      remedy: skipped.first.map { "The first was left out because of this: \($0.reason)" } ?? "")
  }

  /// Rates every distinct response once, the longest first: if memory does not suffice it shows at once, and batches
  /// hold responses of like length.
  ///
  /// - Parameters:
  ///   - skipBad: whether examples that the reward model cannot rate (too long for it) are left out and counted.
  ///   - batch: responses given to the reward model at once, between two reports of progress.
  ///   - group: processes that share the responses; nil for one alone.
  ///   - progress: told how many distinct responses this process has rated, of how many.
  /// - Throws: `InputError` for an example that cannot be rated, one about an image, a score that is no number, or if
  ///   nothing is left; what the reward model throws.
  public init(
    _ set: PreferenceSet, _ rewardModel: any RewardModel, skipBad: Bool = false, tokenBudget: Int? = nil,
    batch: Int = 64, sharedBy group: ProcessGroup? = nil, progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws {
    (self.rewardModel, remarks) = (rewardModel.name, [])
    var lengths = [RewardRequest: Int](), kept = [PreferenceExample](), skipped = [(id: String, reason: String)]()
    for example in set.examples {
      do {
        for (request, length) in try Self.lengths(example, rewardModel, set.path, known: lengths) {
          lengths[request] = length
        }
        kept.append(example)
      } catch let error as InputError {
        guard skipBad else { throw error }
        skipped.append((example.id, error.description))
      }
    }
    guard !kept.isEmpty else {
      throw Self.nothingLeft(of: set, "example that \(rewardModel.name) can rate", skipped)
    }
    self.skipped = skipped
    let scores = try Self.scores(kept, lengths, rewardModel, tokenBudget, batch, group, progress)
    outcomes = try kept.map { example in
      func rated(_ requests: [RewardRequest]) throws -> [Double] {
        try requests.map { request in
          guard let score = scores[request], score.isFinite else {
            throw InputError(
              path: set.path, place: "example \(example.id)", expected: "a number as the score of each response",
              found: "\(scores[request] ?? .nan)", remedy: "The weights of \(rewardModel.name) may hold NaN.")
          }
          return score
        }
      }
      return PreferenceOutcome(
        example, PreferenceScores(chosen: try rated(example.chosen), rejected: try rated(example.rejected)))
    }
  }

  /// Tokens of the responses that are not known yet.
  private static func lengths(
    _ example: PreferenceExample, _ rewardModel: any RewardModel, _ path: String, known: [RewardRequest: Int]
  ) throws -> [(RewardRequest, Int)] {
    if let image = example.image {
      throw InputError(
        path: path, place: "example \(example.id)", expected: "text alone, all that \(rewardModel.name) can read",
        found: "the image \(image)", remedy: "Evaluate it with a model that sees; reward models here read text.")
    }
    return try (example.chosen + example.rejected).filter { known[$0] == nil }.map { request in
      do { return (request, try rewardModel.tokens(of: request)) } catch var error as InputError {
        error.place = "example \(example.id)" + (error.place.isEmpty ? "" : ", \(error.place)")
        throw error
      }
    }
  }

  private static func scores(
    _ examples: [PreferenceExample], _ lengths: [RewardRequest: Int], _ rewardModel: any RewardModel,
    _ tokenBudget: Int?, _ batch: Int, _ group: ProcessGroup?, _ progress: (Int, Int) -> Void
  ) throws -> [RewardRequest: Double] {
    // In the order of the file first: a dictionary's own order changes from run to run.
    var scores = [RewardRequest: Double](), requests = [RewardRequest]()
    for request in examples.flatMap({ $0.chosen + $0.rejected }) where scores.updateValue(.nan, forKey: request) == nil
    {
      requests.append(request)
    }
    let order = requests.indices.sorted { a, b in
      let (left, right) = (lengths[requests[a]] ?? 0, lengths[requests[b]] ?? 0)
      return left == right ? a < b : left > right
    }
    let found = try group.sharing(order) { own in
      var found = [Double]()
      for start in stride(from: 0, to: own.count, by: max(batch, 1)) {
        let part = own[start..<min(start + max(batch, 1), own.count)].map { requests[$0] }
        let rewards = try rewardModel.rewards(of: part, attributes: false, tokenBudget: tokenBudget)
        precondition(rewards.count == part.count, "\(rewards.count) rewards for \(part.count) requests")
        found += rewards.map(\.overall.expectation)
        progress(found.count, own.count)
      }
      return found
    }
    for (index, score) in zip(order, found) { scores[requests[index]] = score }
    return scores
  }
}
