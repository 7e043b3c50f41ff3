import Evaluation
import Files
import TokenData
import TokenModels
import TorchNN

/// A model that rates by answering with scores, read out as expectations (PAPER.md Q21): it is given the answer up to a
/// score, and says how probable it thinks each of the numbers that may stand there.
public final class GenerativeJudge: Judge {
  public let name: String
  private let model: any TokenModel
  private let answering: Answering
  private let ratings: RatingReader
  private let form: AnswerForm
  private let maxLength: Int
  private let answerLength: Int

  /// - Throws: `InputError` if the run file has no `reward` section, or the tokenizer has no gaps for its scores.
  public init(_ choice: ModelChoice) throws {
    let parts = choice.parts
    guard let ratings = parts.settings.reward else {
      throw InputError(
        path: parts.settings.path, place: "key reward", expected: "how responses are rated", found: "no such key",
        remedy: "Rewards are read from runs whose file has a reward section: docs/reward-models.md.")
    }
    self.ratings = ratings
    name = choice.name
    form = try AnswerForm(ratings.form, parts.encoder)
    model = try choice.load()
    answering = Answering(parts)
    maxLength = parts.maxLength
    answerLength = form.gaps.reduce(0) { $0 + $1.before.count + 3 }
  }

  public var range: ClosedRange<Double>? { Self.range(ratings.form.overall) }
  public var facets: [(name: String, range: ClosedRange<Double>?)] {
    ratings.form.facets.map { ($0.name, Self.range($0)) }
  }

  private static func range(_ scale: RatingForm.Scale) -> ClosedRange<Double> {
    Double(scale.range.lowerBound)...Double(scale.range.upperBound)
  }

  public func tokens(of request: RewardRequest) throws -> Int { try prompt(request).count + answerLength }

  public func rewards(of requests: [RewardRequest], facets: Bool, tokenBudget: Int?) throws -> [Reward] {
    let prompts = try requests.map(prompt), scorer = Scorer(model)
    let gaps = facets ? form.gaps.count : 1
    func read(_ budget: Int) throws -> [[NumberDistribution]] {
      try scorer.distributions(in: form, after: prompts, gaps: gaps, tokenBudget: budget)
    }
    let found = try tokenBudget.map(read) ?? answering.withBudget(model, read)
    return found.map { distributions in
      let scores = zip(form.gaps, distributions).map { Reward.Score(name: $0.name, $1) }
      return Reward(overall: scores[0], facets: Array(scores.dropFirst()))
    }
  }

  private func prompt(_ request: RewardRequest) throws -> [Int32] {
    let rated = ratings.shortened(RatedResponse(messages: request.messages, response: request.response))
    let ids = try answering.encoder.prompt(Record(rated, ratings.form))
    guard ids.count + answerLength <= maxLength else {
      throw InputError(
        path: "request", expected: "at most \(maxLength) tokens with instruction and answer",
        found: "\(ids.count + answerLength)",
        remedy:
          "Shorten prompt or response, or let the run file cut them: reward.longestPrompt, reward.longestResponse.")
    }
    return ids
  }
}

extension Reward.Score {
  init(name: String, _ distribution: NumberDistribution) {
    self.init(
      name: name, expectation: distribution.mean, variance: distribution.variance, values: distribution.values,
      probabilities: distribution.probabilities, coverage: distribution.coverage)
  }
}

/// The judge of a run: its model with what its run file says of ratings.
///
/// - Parameters:
///   - run: folder of a run (its best checkpoint), or a run file (the model it starts from).
///   - step: the checkpoint to take instead of the best.
///   - overrides: assignments to keys of the run file.
/// - Throws: `InputError` if there is no such run, or it rates nothing.
public func loadJudge(run: String, step: Int? = nil, overrides: [String] = []) throws -> any Judge {
  try loadJudge(ModelChoice(run, step: step, overrides: overrides))
}

func loadJudge(_ choice: ModelChoice) throws -> any Judge { try GenerativeJudge(choice) }
