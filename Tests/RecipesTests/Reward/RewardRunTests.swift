// SPDX-License-Identifier: Apache-2.0
import Experiments
import Files
import Foundation
import MetricTokens
import Objectives
import Recipes
import Reports
import Testing
import TokenModels
import Training

/// Four questions with three responses each; `b` is better than `c`, `c` than `a`.
private let rated: String = (0..<4).map { question in
  [(0, "a a a"), (4, "c c c"), (8, "b b b")].map { score, text in
    "{\"prompt\": \"\(question) + 1?\", \"response\": \"\(text)\", \"score\": \(score), \"parts\": {\"b\": \(score)}}\n"
  }.joined()
}.joined()

private let yaml = """
  model: model
  data: { train: train.jsonl, test: train.jsonl, template: none }
  reward:
    instruction: none
    overall: { field: score, range: [0, 8] }
    attributes: [{ name: b, field: parts.b, range: [0, 8], scores: [0, 2] }]
  metrics:
    - { name: overall, tokens: { scores: [0, 8] }, where: { spans: overall }, temperature: 2 }
    - { name: attributes, tokens: { scores: [0, 2] }, where: { spans: attributes }, temperature: 1 }
  train: { steps: 120, batch: 6, learningRate: 0.01, samples: 0 }
  """

private let requests = ["a a a", "c c c", "b b b"].map { RewardRequest(prompt: "2 + 1?", response: $0) }

@Suite struct RewardRunTests {
  /// Every kind of reward model learns twelve responses by heart.
  @Test(
    arguments: [
      "sft", "dist", "bradleyTerry", "marginBradleyTerry", "scaledBradleyTerry", "regression", "listwise",
      "listwiseOrder", "textRegularized",
    ])
  func aModelLearnsWhatIsBetter(_ preset: String) throws {
    let tiny = try TinyRun(data: rated, yaml: yaml)
    _ = try tiny.train("objective.preset=\(preset)").run()
    let rewardModel = try loadRewardModel(run: tiny.folder + "/out")
    let rewards = try rewardModel.rewards(of: requests, attributes: true, tokenBudget: nil)
    let overall = rewards.map(\.overall.expectation)
    #expect(overall[0] + 0.5 < overall[1] && overall[1] + 0.5 < overall[2], "\(overall)")
    let hasNoUnit = preset.hasSuffix("Terry") || preset.hasPrefix("listwise") || preset == "textRegularized"
    #expect((rewardModel.range == nil) == hasNoUnit)
    #expect(rewardModel.attributes.count == (hasNoUnit ? 0 : 1))
    if !hasNoUnit {
      for (value, score) in zip(overall, [0, 4, 8]) { #expect(abs(value - Double(score)) < 2) }
      #expect(rewards[0].attributes[0].expectation < rewards[2].attributes[0].expectation)
    }
    #expect(try rewardModel.tokens(of: requests[0]) > 3)
  }

  /// A head of scores answers nothing.
  @Test func aHeadOfScoresIsNotAskedForAnswers() throws {
    let tiny = try TinyRun(data: rated, yaml: yaml)
    _ = try tiny.train("objective.preset=regression", "train.steps=2").run()
    let choice = try ModelChoice(tiny.folder + "/out"),
      dataset = try choice.artifacts.dataset(tiny.folder + "/train.jsonl")
    let error = #expect(throws: InputError.self) { try Evaluating(choice.artifacts, choice.load(), dataset) }
    #expect(error?.place == "key objective.preset")
    #expect(error?.remedy.contains("--pairs") == true)
  }

  /// All responses to a question, each read at its last token; a question with one answer says nothing, and one whose
  /// answers are all as good says nothing of an order.
  @Test func listsAreMadeOfQuestions() throws {
    func line(_ question: String, _ text: String, _ score: Int) -> String {
      "{\"prompt\": \"\(question)\", \"response\": \"\(text)\", \"score\": \(score), \"parts\": {\"b\": \(score)}}\n"
    }
    let more = line("alone", "b", 4) + line("even", "a b", 4) + line("even", "b c c", 4)
    let tiny = try TinyRun(data: rated + more, yaml: yaml)
    for (preset, count) in [("listwise", 5), ("listwiseOrder", 4)] {
      let artifacts = try tiny.artifacts("objective.preset=\(preset)")
      let source = try artifacts.batches(try artifacts.dataset(tiny.folder + "/train.jsonl"), shuffled: false)
      #expect(source.plan.count == count)
      let batch = try #require(try source.batches(ofStep: 0).first), supervision = batch.supervision
      #expect(supervision.logitRows.isEmpty && supervision.comparisons.isEmpty)
      #expect(supervision.groups[0].worth == .scores([0, 4, 8]))
      #expect(supervision.ratings.count == supervision.documents.count)
      #expect(supervision.ratings.prefix(3).map(\.values) == [[0], [4], [8]])
      #expect(Set(supervision.pooledPositions).count == supervision.documents.count)
    }
    let single = try TinyRun(data: line("alone", "b", 4), yaml: yaml)
    let artifacts = try single.artifacts("objective.preset=listwise")
    let dataset = try artifacts.dataset(single.folder + "/train.jsonl")
    let error = #expect(throws: InputError.self) { try artifacts.batches(dataset, shuffled: false) }
    #expect(error?.expected.contains("a question with several responses") == true)
    let perplexity = #expect(throws: InputError.self) {
      try tiny.artifacts("objective.preset=listwise", "objective.temperature={ perplexity: 3 }")
    }
    #expect(perplexity?.place == "key objective.temperature")
  }

  /// All pairs of a question whose scores differ; equal ones say nothing.
  @Test func pairsAreMadeWithinAQuestion() throws {
    let tied = rated + "{\"prompt\": \"0 + 1?\", \"response\": \"b a b\", \"score\": 4, \"parts\": {\"b\": 4}}\n"
    let tiny = try TinyRun(data: tied, yaml: yaml)
    func margins(_ settings: String...) throws -> [Double] {
      let artifacts = try RunArtifacts(tiny.settings(settings))
      let source = try artifacts.batches(try artifacts.dataset(tiny.folder + "/train.jsonl"), shuffled: false)
      #expect(source.plan.count == 4 * 3 + 2)
      #expect(try #require(try source.batches(ofStep: 0).first).supervision.logitRows.isEmpty)
      return try (0..<source.plan.stepsPerEpoch).flatMap { step in
        try source.batches(ofStep: step).flatMap { $0.supervision.comparisons.map(\.margin) }
      }
    }
    // Differences of 4 and 8: their mean over the pairs is 1.
    let relative = try margins("objective.preset=bradleyTerry")
    #expect(abs(relative.reduce(0, +) / Double(relative.count) - 1) < 1e-12)
    #expect(Set(relative.map { ($0 / (relative.min() ?? 1)).rounded() }) == [1, 2])
    let raw = try margins("objective.preset=marginBradleyTerry", "objective.margins=raw")
    #expect(Set(raw) == [4, 8])
    let mean = raw.reduce(0, +) / Double(raw.count)
    #expect(zip(raw, relative).allSatisfy { abs($0 / mean - $1) < 1e-12 })
  }

  @Test func withoutTwoResponsesToAQuestionThereAreNoPairs() throws {
    let alone = rated.split(separator: "\n").enumerated().filter { $0.offset % 3 == 0 }.map { $0.element + "\n" }
      .joined()
    let tiny = try TinyRun(data: alone, yaml: yaml)
    let error = #expect(throws: InputError.self) { try tiny.train("objective.preset=bradleyTerry").run() }
    #expect(error?.remedy.contains("regression") == true)
  }

  /// What is stored is transformers' layout, with adapters or without.
  @Test(arguments: [[], ["train.lora={ rank: 2 }"], ["train.freeze=[model.*]"]])
  func checkpointsHoldTheHead(_ more: [String]) throws {
    let tiny = try TinyRun(data: rated, yaml: yaml)
    let settings = try tiny.settings(["objective.preset=regression", "train.steps=3"] + more)
    _ = try TrainRun(RunArtifacts(settings), command: "", terminal: quiet).run()
    let rewardModel = try loadRewardModel(run: tiny.folder + "/out")
    #expect(try rewardModel.rewards(of: requests, attributes: true, tokenBudget: nil).count == 3)
    if more.isEmpty {
      let model = try loadModel(folder: tiny.folder + "/out/checkpoints/step-3")
      #expect((model as? SequenceClassifier)?.labels == ["overall", "b"])
    }
  }

  @Test func aHeadThatWasNotTrainedRatesNothing() throws {
    let tiny = try TinyRun(data: rated, yaml: yaml)
    let error = #expect(throws: InputError.self) {
      try loadRewardModel(run: tiny.folder + "/run.yaml", overrides: ["objective.preset=bradleyTerry"])
    }
    #expect(error?.remedy.contains("dist2 train") == true)
  }
}

@Suite struct RewardExperimentTests {
  @Test func runsBecomeAReport() throws {
    let tiny = try TinyRun(data: rated, yaml: yaml), folder = tiny.folder + "/experiment"
    let names = ["bradleyTerry", "sft", "dist", "random"]
    func experiment(_ override: String) throws -> RewardExperiment {
      var experiment = try RewardExperiment(tiny.settings(override))
      experiment.grid = Grid(names, seeds: [1, 2])
      return experiment
    }
    let kept = try ExperimentFolder(folder, experiment("train.steps=40"))
    for name in ["untrained"] + kept.experiment.grid.runs.map(\.name) { try kept.run(one: name, threads: 1) }
    let report = try kept.report(command: "dist2 reproduce reward")
    #expect(report.tables[0].rows.map { $0[0].text } == ["untrained"] + names)
    #expect(report.findings.map(\.id) == ["K11", "K17a", "K17b"])
    // Four comparisons of two claims, one correction; no gain of a random metric is a claim of its own kind.
    #expect(report.findings.flatMap(\.comparisons).map(\.verdict.comparisons) == Array(repeating: 4, count: 4))
    #expect(report.findings[1].equivalences.map(\.label) == ["random against sft"])
    // Who has learnt the answers by heart orders all pairs of the file it was trained on.
    let accuracies = Dictionary(
      report.tables[0].rows.map { ($0[0].text, $0[2].value ?? .nan) }, uniquingKeysWith: { first, _ in first })
    for name in ["sft", "dist", "bradleyTerry"] { #expect(accuracies[name] ?? 0 > 0.9, "\(accuracies)") }
    #expect(fileExists(folder + "/report.html"))
    #expect(fileExists(folder + "/figure.svg"))
    #expect(throws: InputError.self) { try ExperimentFolder(folder, experiment("train.steps=41")) }
  }

  /// The run files of `Configs/reward/` differ in what is trained, and in nothing else.
  @Test func shippedRunFilesDifferInTheObjectiveAlone() throws {
    let folder = configsFolder + "/reward"
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
      .filter { $0.hasSuffix(".yaml") && $0 != "human.yaml" }.sorted()
    #expect(names.count == 10)
    var rest = Set<String>(), presets = Set<Preset>()
    for name in names {
      let path = "\(folder)/\(name)", text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(text.contains("dist2 train Configs/reward/\(name)"))
      let settings = try RunSettings(file: path)
      presets.insert(settings.objective.preset)
      guard case .object(var tree) = settings.resolved else { continue }
      for key in ["metrics", "objective", "output"] { tree[key] = .null }
      rest.insert(JSON.object(tree).text())
    }
    #expect(rest.count == 1)
    #expect(presets.count == 8)
  }
}
