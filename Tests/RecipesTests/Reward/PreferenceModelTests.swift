// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
import Recipes
import Reports
import Testing
import TokenData
import TokenModels
import Torch
import TorchNN
import Training

/// Reward heads that are more than a score, from a run file: embeddings that are compared, and texts that are learnt beside.
@Suite struct PreferenceModelTests {
  private static let texts = [(0, "a a a"), (4, "c c c"), (8, "b b b")]

  private static let data = (0..<4).map { question in
    texts.map { score, text in
      "{\"prompt\": \"\(question) + 1?\", \"response\": \"\(text)\", \"score\": \(score)}\n"
    }.joined()
  }.joined()

  private static let yaml = """
    model: model
    data: { train: train.jsonl, template: none }
    reward: { instruction: none, overall: { field: score, range: [0, 8] } }
    objective: { preset: generalPreference }
    train: { steps: 120, batch: 6, learningRate: 0.01, samples: 0 }
    """

  private static let requests = texts.map { RewardRequest(prompt: "2 + 1?", response: $0.1) }

  @Test func preferencesAreLearntAndCompared() throws {
    let tiny = try TinyRun(data: Self.data, yaml: Self.yaml)
    _ = try tiny.train().run()
    let choice = try ModelChoice(tiny.folder + "/out"), model = try PreferenceModel(choice)
    let preferences = try model.preferences(among: Self.requests)
    for (first, better) in [(1, 0), (2, 0), (2, 1)].map({ ($0.1, $0.0) }) {
      #expect(preferences[better][first] > 1, "\(preferences)")
      #expect(abs(preferences[better][first] + preferences[first][better]) < 1e-4)
    }
    #expect((0..<3).allSatisfy { preferences[$0][$0] == 0 })
    let rates = try model.winRates(of: Self.requests)
    #expect(rates[0] < rates[1] && rates[1] < rates[2], "\(rates)")
    #expect(try model.winRates(of: [Self.requests[0]]) == [0.5])
    // The checkpoint holds the head.
    let loaded = try #require(try choice.load() as? SequenceClassifier)
    #expect(loaded.labels.count == 6 && loaded.textHead == nil)
  }

  @Test func pairsAreEvaluated() throws {
    let tiny = try TinyRun(data: Self.data, yaml: Self.yaml)
    _ = try tiny.train().run()
    let pairs = tiny.folder + "/pairs.jsonl"
    try (0..<4).map { "{\"prompt\": \"\($0) + 1?\", \"chosen\": \"b b b\", \"rejected\": \"a a a\"}\n" }.joined()
      .write(toFile: pairs, atomically: true, encoding: .utf8)
    let set = try PreferenceSet(DataSource(pairs))
    let evaluation = try PreferenceEvaluation(set, PreferenceModel(ModelChoice(tiny.folder + "/out")))
    #expect(evaluation.outcomes.count == 4 && evaluation.outcomes.allSatisfy { $0.scores.credit == 1 })
  }

  /// A single response has no score, and what asks for one is told what to do instead.
  @Test func scoresAreRefused() throws {
    let tiny = try TinyRun(data: Self.data, yaml: Self.yaml)
    _ = try tiny.train("train.steps=2").run()
    let error = #expect(throws: InputError.self) { try loadRewardModel(run: tiny.folder + "/out") }
    #expect(error?.place == "key objective.preset" && error?.remedy.contains("--pairs") == true)
    let other = #expect(throws: InputError.self) {
      try PreferenceModel(ModelChoice(tiny.folder + "/out", overrides: ["objective={ preset: bradleyTerry }"]))
    }
    #expect(other?.expected == "generalPreference")
    let flat = #expect(throws: InputError.self) { try tiny.artifacts("objective.temperature=0") }
    #expect(flat?.place == "key objective.temperature")
    #expect(throws: InputError.self) { try tiny.settings("objective.dimensions=5") }
  }

  /// Texts are learnt beside the scores, the checkpoint keeps what they are read with, and the model goes on rating.
  @Test(arguments: ["likelihood", "logistic", "preference"]) func textsAreLearntBesideScores(_ text: String) throws {
    let tiny = try TinyRun(data: Self.data, yaml: Self.yaml)
    let assignments = ["objective={ preset: textRegularized, text: \(text), weight: 0.1 }", "train.steps=4"]
    let artifacts = try RunArtifacts(tiny.settings(assignments))
    let source = try artifacts.batches(artifacts.dataset(tiny.folder + "/train.jsonl"), shuffled: false)
    let supervision = try #require(try source.batches(ofStep: 0).first).supervision
    #expect(supervision.documents.count == 2 * supervision.comparisons.count)
    // Of each document the response, and what ends it.
    #expect(supervision.documents.allSatisfy { $0.tokens.count >= 4 })
    #expect(supervision.labels.count == supervision.documents.reduce(0) { $0 + $1.tokens.count })
    _ = try TrainRun(artifacts, command: "", terminal: quiet).run()
    let first = try #require(MetricsLog.read("\(tiny.folder)/out/metrics.jsonl").first { $0["train/text"] != nil })
    guard case .double(let value)? = first["train/text"] else { throw CancellationError() }
    // About ln V = 5.7 for each token before anything is learnt; β is 0.1 in `logistic`.
    let expected: [String: ClosedRange<Double>] = ["likelihood": 20...60, "logistic": 2...6, "preference": 0.1...3]
    #expect(try #require(expected[text]).contains(value), "\(value)")
    #expect(first["train/bradleyTerry"] != nil)
    let loaded = try #require(try ModelChoice(tiny.folder + "/out").load() as? SequenceClassifier)
    let kept = try #require(loaded.textHead)
    #expect(kept.weight.shape == [loaded.vocabularySize, loaded.hiddenSize])
    #expect(
      try loadRewardModel(run: tiny.folder + "/out").rewards(of: Self.requests, attributes: false, tokenBudget: nil)
        .count == 3)
  }
}
