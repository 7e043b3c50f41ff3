// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import TokenData
public import Torch
import TorchNN

/// A model that is shown two responses at once and asked which is better; what it says is read out of the probabilities of
/// the letters A and B as its answer's first token. No text is generated.
public final class PairwiseJudge {
  /// Name of the model.
  public let name: String
  private let model: any TokenModel
  private let answering: Answering
  private let letters: TokenSpace
  private let maxLength: Int

  /// - Throws: `InputError` if the tokenizer does not begin the answers `A` and `B` with tokens of their own.
  public init(_ choice: ModelChoice) throws {
    answering = Answering(choice.artifacts)
    (name, maxLength) = (choice.name, choice.artifacts.maxLength)
    letters = try Self.letters(answering.encoder)
    model = try choice.load()
  }

  /// What is asked.
  static func question(_ asked: [ChatMessage], _ first: String, _ second: String) -> String {
    let request =
      asked.count == 1
      ? asked[0].content : asked.map { "\($0.role.rawValue): \($0.content)" }.joined(separator: "\n")
    return "Two answers to one request are shown. Which is the better one?\n\n[Request]\n\(request)\n\n[Answer A]\n"
      + "\(first)\n\n[Answer B]\n\(second)\n\nReply with one letter, A or B.\nAnswer:\n"
  }

  /// A prompt, which a chat template makes a user's message of, and plain text without one.
  private static func record(_ question: String, _ answer: String? = nil) -> Record {
    Record(.promptCompletion(question, answer), source: "<pairwise judge>")
  }

  private static func letters(_ encoder: ExampleEncoder) throws -> TokenSpace {
    let prompt = try encoder.prompt(record("?\n"))
    let ids = try ["A", "B"].map { letter -> Int32 in
      let whole = try encoder.encode(record("?\n", letter)).ids
      guard whole.starts(with: prompt), whole.count > prompt.count else {
        throw InputError(
          path: "<tokenizer>", place: "answer \(letter)", expected: "tokens that follow those of the question",
          found: "others", remedy: "Judge with a model that has a chat template: --set data.template=model.")
      }
      return whole[prompt.count]
    }
    guard ids[0] != ids[1] else {
      throw InputError(
        path: "<tokenizer>", place: "answers A and B", expected: "different first tokens", found: "the same")
    }
    return try TokenSpace(name: "letters", ids: ids)
  }

  /// Judges pairs in both orders.
  ///
  /// - Parameter progress: told how many are done.
  /// - Throws: `InputError` for a pair that is too long.
  public func votes(
    _ pairs: [(chosen: RewardRequest, rejected: RewardRequest)], progress: (_ done: Int) -> Void = { _ in }
  ) throws -> [PairwiseVotes] {
    var votes = [PairwiseVotes]()
    for start in stride(from: 0, to: pairs.count, by: 32) {
      let part = pairs[start..<min(start + 32, pairs.count)]
      let games = try part.flatMap { pair in
        [try ids(pair.chosen, pair.rejected), try ids(pair.rejected, pair.chosen)]
      }
      let odds = try answering.withBudget(model) { budget in
        try Scorer(model).probabilities(
          over: letters, in: games, at: games.map { [$0.count] },
          tokenBudget: max(budget, games.map(\.count).max() ?? 1))
      }.map { log($0[0][0]) - log($0[0][1]) }
      for index in part.indices.map({ $0 - start }) {
        votes.append(PairwiseVotes(chosenFirst: odds[2 * index], chosenSecond: -odds[2 * index + 1]))
      }
      progress(start + part.count)
    }
    return votes
  }

  private func ids(_ first: RewardRequest, _ second: RewardRequest) throws -> [Int32] {
    let ids = try answering.encoder.prompt(
      Self.record(Self.question(first.messages, first.response, second.response)))
    guard ids.count < maxLength else {
      throw InputError(
        path: "<pairs>", place: "response \"\(first.response.prefix(30))…\"",
        expected: "at most \(maxLength - 1) tokens with request and both responses", found: "\(ids.count)",
        remedy: "Raise data.maxLength, if the model reads more, or leave it out: --skip-bad.")
    }
    return ids
  }
}

extension PreferenceEvaluation {
  /// Lets a judge compare the responses of each example side by side, in both orders.
  ///
  /// - Parameters:
  ///   - skipBad: whether examples that are too long, or are no pair, are left out and counted.
  ///   - group: processes that share the pairs; nil for one alone.
  ///   - progress: told how many of this process's are done.
  /// - Throws: `InputError` for an example that cannot be judged, or if nothing is left.
  public init(
    _ set: PreferenceSet, _ judge: PairwiseJudge, skipBad: Bool = false, sharedBy group: ProcessGroup? = nil,
    progress: (_ done: Int) -> Void = { _ in }
  ) throws {
    let (found, skipped) = try Self.judged(
      set, "pair that \(judge.name) can judge", skipBad: skipBad, sharedBy: group, progress: progress
    ) { try judge.votes(on: $0, of: set) }
    self.init(
      rewardModel: judge.name, found.map { PreferenceOutcome($0, $1.scores) }, skipped: skipped,
      remarks: PairwiseVotes.remarks(found.map(\.1)))
  }
}

extension PairwiseJudge {
  fileprivate func votes(on example: PreferenceExample, of set: PreferenceSet) throws -> PairwiseVotes {
    guard example.chosen.count == 1, example.rejected.count == 1, example.image == nil else {
      throw InputError(
        path: set.path, place: "example \(example.id)", expected: "one chosen and one rejected response, in text",
        found: "\(example.chosen.count) and \(example.rejected.count)",
        remedy: "Several are for reward models, which rate each by itself.")
    }
    return try votes([(example.chosen[0], example.rejected[0])])[0]
  }
}
