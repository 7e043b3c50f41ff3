// SPDX-License-Identifier: Apache-2.0
public import Recipes
import Evaluation
import Files
import Foundation
import Objectives
import Reports
import TokenData
import TokenModels
import Torch
import TorchNN

/// The reward experiment (section 3.4, C.1, C.2): reward models of one run file that differ in the objective alone.
public struct RewardExperiment: Experiment {
  /// `reward`, as `dist2 reproduce` and its processes name it.
  public static let name = "reward"
  /// The model as it was published, which training is compared with: one run, whatever the seeds.
  static let untrained = "untrained"

  /// Settings of a run, without what variants and seeds change.
  public var run: RunSettings
  /// The file it was read from, for errors and relative names.
  public var path: String
  /// ``RewardVariant``s and seeds.
  public var grid: Grid
  /// Files of preferences that every model rates beside the run's own test file.
  public var preferences: [String]
  /// Folder with MMLU's `test.jsonl`, asked before and after training; nil: not asked.
  public var mmlu: String?
  /// Questions of it.
  public var questions: Int

  /// - Throws: `InputError` if the run file has no `reward` section or test file.
  public init(
    _ settings: RunSettings, preferences: [String] = [], mmlu: String? = nil, questions: Int = 200
  ) throws {
    (run, path) = (settings, settings.path)
    grid = Grid(["bradleyTerry", "sft", "vocab", "dist", "random"], seeds: [1, 2, 3])
    (self.preferences, self.mmlu, self.questions) = (preferences, mmlu, questions)
    for (key, isThere) in [("reward", settings.reward != nil), ("data.test", settings.data.test != nil)] where !isThere
    {
      throw InputError(
        path: settings.path, place: "key \(key)", expected: "rated responses to learn from and to be tested on",
        found: "no such key", remedy: "Configs/reward/human.yaml shows one.")
    }
  }

  /// Names of all variants that the grid may have.
  public var variants: [String] { RewardVariant.all.map(\.name) }
  /// `main`, `metrics`, `alphas` and `all`.
  public static var variantSets: [String: [String]] {
    [
      "main": RewardVariant.main, "metrics": RewardVariant.metrics, "alphas": RewardVariant.alphas(),
      "all": RewardVariant.all,
    ].mapValues { $0.map(\.name) }
  }

  /// The run file must not be refused for any variant.
  public func check() throws {
    for name in grid.variants { _ = try settings(grid.run(name, seed: grid.seeds[0]), output: "") }
  }

  /// The model as it was published, asked before any training.
  public var stages: [ArtifactStage] { [ArtifactStage("the model as published", runs: [Self.untrained])] }

  /// Asks the model as it was published.
  public func makeArtifact(_ context: RunContext) throws -> RewardOutcome {
    let artifacts = try RunArtifacts(settings(.untrained, seed: 0, output: context.emptyOutput()))
    let model = try loadModel(folder: artifacts.modelFolder, options: LoadOptions(dtype: .float32))
    return try outcome(model, artifacts, losses: [], seconds: 0) { context.say($0, 0, of: 1) }
  }

  /// One run of the grid: trains, then tests.
  public func run(_ run: GridRun, _ context: RunContext) throws -> RewardOutcome {
    // A fifth of the time goes into asking, more or less.
    let trained = try TrainedRun(settings(run, output: context.emptyOutput()), context, thenPercent: 20)
    let outcome = try outcome(trained.model, trained.artifacts, losses: trained.losses, seconds: trained.seconds) {
      trained.say($0)
    }
    trained.say("done", 1)
    return outcome
  }

  /// Tables, figures and claims of the runs that are finished.
  public func report(
    _ results: Results<RewardOutcome>, _ artifacts: [String: RewardOutcome]
  ) throws -> ExperimentReport {
    RewardFindings(self, results, untrained: artifacts[Self.untrained]).report
  }

  /// The run file of one run.
  func settings(_ run: GridRun, output: String) throws -> RunSettings {
    guard let variant = RewardVariant.all.first(where: { $0.name == run.variant }) else {
      throw InputError(path: path, place: "variant", expected: "a way to train reward models", found: run.variant)
    }
    return try settings(variant, seed: run.seed, output: output)
  }

  private func settings(_ variant: RewardVariant, seed: Int, output: String) throws -> RunSettings {
    var settings = run
    settings.path = path
    settings.objective.preset = variant.preset
    if let alpha = variant.alpha { settings.objective.alpha = alpha }
    if var distance = variant.distance {
      // A random one is another for each seed, as the models are.
      if distance.parameters["of"] != nil { distance.parameters["seed"] = .integer(seed) }
      for index in settings.metrics.indices { settings.metrics[index].distance = distance }
    }
    (settings.train.seed, settings.output) = (UInt64(seed), output)
    return try settings.checked()
  }

  private func outcome(
    _ model: any PretrainedModel, _ artifacts: RunArtifacts, losses: [Double], seconds: Double, say: (String) -> Void
  ) throws -> RewardOutcome {
    say("rating")
    let rewardModel = try makeRewardModel(artifacts, model, name: "")
    let responses = try rated(rewardModel, artifacts)
    let preferences = try preferences.map { path in
      let name = URL(filePath: path).deletingPathExtension().lastPathComponent
      say(name)
      let found = try PreferenceEvaluation(PreferenceSet(path), rewardModel, skipBad: true)
      return RewardOutcome.Preferences(
        name: name, subsets: found.outcomes.map(\.example.subset), credits: found.outcomes.map(\.scores.credit))
    }
    var answers: [Bool]?
    // A model without a language head has no letters to choose from.
    if let mmlu, artifacts.rating == nil {
      say("MMLU")
      let result = try MMLU("\(mmlu)/test.jsonl", limit: questions)
        .evaluate(model: model, tokenizer: artifacts.tokenizer, tokenBudget: 4096)
      answers = zip(result.answers, result.questions).map { $0 == $1.answer }
    }
    return RewardOutcome(
      responses: responses, preferences: preferences, mmlu: answers, losses: losses, seconds: seconds)
  }

  /// The test file, rated.
  private func rated(_ rewardModel: any RewardModel, _ artifacts: RunArtifacts) throws -> [RewardOutcome.Rated] {
    guard let source = artifacts.settings.data.test else { return [] }
    let file = try DataFiles(source), count = min(artifacts.settings.evaluate.limit ?? .max, file.count)
    let records = try (0..<count).map { try artifacts.reader.record(file, $0) }
    let rated = records.compactMap { record in record.rated.map { (record, $0) } }
    let rewards = try rewardModel.rewards(
      of: rated.map { RewardRequest(messages: $0.1.messages, response: $0.1.response) }, attributes: true,
      tokenBudget: artifacts.settings.evaluate.tokenBudget ?? 8192)
    var questions = [[ChatMessage]: Int]()
    return zip(rated, rewards).map { rated, reward in
      let question = questions[rated.1.messages] ?? questions.count
      questions[rated.1.messages] = question
      return RewardOutcome.Rated(
        id: rated.0.id ?? rated.0.source, question: question, prompt: rated.1.messages.last?.content ?? "",
        response: rated.1.response, truth: rated.1.ratings ?? [], reward: reward)
    }
  }
}

/// Outcome of one trained reward model.
public struct RewardOutcome: Codable, Sendable, Equatable {
  /// A response of the test file and what became of it.
  struct Rated: Codable, Sendable, Equatable {
    var id: String
    /// Which question it answers: responses to one share it.
    var question: Int
    var prompt: String
    var response: String
    /// The ratings it was given on the scales, not rounded, the overall one first.
    var truth: [Double]
    var reward: Reward
  }

  /// How often the better response won, in a file of preferences.
  struct Preferences: Codable, Sendable, Equatable {
    var name: String
    var subsets: [String]
    var credits: [Double]
  }

  var responses: [Rated]
  var preferences: [Preferences]
  /// Whether each question of MMLU was answered rightly; nil: not asked.
  var mmlu: [Bool]?
  /// Loss of every step.
  var losses: [Double]
  var seconds: Double
}
