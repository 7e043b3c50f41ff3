import Evaluation
import Files
import Foundation
import Reports
import TokenData
import TokenModels
import Torch
import TorchNN
import Training

/// What one trained reward model thinks.
public struct RewardOutcome: Codable, Sendable, Equatable {
  /// A response of the test file and what became of it.
  struct Rated: Codable, Sendable, Equatable {
    var id: String
    /// Which question it answers: responses to one share it.
    var question: Int
    var prompt: String
    var response: String
    /// The scores it was given, the overall one first.
    var truth: [Int]
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

/// Runs one cell of a reward experiment's folder and keeps its result; tells its progress on standard output.
///
/// - Throws: `InputError` for a folder or cell that is not there, and what training and rating throw.
public func runRewardCell(named name: String, folder: String, threads: Int) throws {
  let store = try CellStore<RewardSettings, RewardOutcome>(folder: folder)
  let cell = try store.cell(named: name, among: store.settings.cells) { $0.name }
  Torch.threads = threads
  let output = try store.freshRun(of: name)
  let parts = try RunParts(store.settings.settings(cell.arm, seed: cell.seed, output: output))
  let run = RewardCellRun(parts: parts, settings: store.settings)
  try store.keep(cell.arm == .untrained ? run.asPublished() : run.trained(), of: name)
}

private struct RewardCellRun {
  let parts: RunParts
  let settings: RewardSettings

  func asPublished() throws -> RewardOutcome {
    let model = try loadModel(folder: parts.modelFolder, options: LoadOptions(dtype: .float32))
    return try outcome(model, losses: [], seconds: 0, steps: 0)
  }

  func trained() throws -> RewardOutcome {
    let training = TrainRun(parts, command: "", terminal: .silent)
    training.keepsCheckpoints = false
    var steps = 1, losses = [Double]()
    training.observe = { event in
      switch event {
      case .started(let start): steps = start.steps
      case .step(let step):
        losses.append(step.loss)
        WorkerMessage(phase: "training", completed: step.step, total: Self.work(steps), loss: step.loss).send()
      default: break
      }
    }
    let result = try training.train()
    return try outcome(result.model, losses: losses, seconds: result.finish.seconds, steps: steps)
  }

  /// All of a cell's work, in training steps: a fifth of the time goes into asking, more or less.
  private static func work(_ steps: Int) -> Int { steps + steps / 5 + 1 }

  private func outcome(
    _ model: any PretrainedModel, losses: [Double], seconds: Double, steps: Int
  ) throws -> RewardOutcome {
    let total = Self.work(steps)
    func say(_ phase: String) { WorkerMessage(phase: phase, completed: steps, total: total).send() }
    say("rating")
    let judge = try makeJudge(parts, model, name: "")
    let responses = try rated(judge)
    let preferences = try settings.preferences.map { path in
      let name = URL(filePath: path).deletingPathExtension().lastPathComponent
      say(name)
      let found = try PreferenceEvaluation(PreferenceSet(path), judge, skipBad: true)
      return RewardOutcome.Preferences(
        name: name, subsets: found.outcomes.map(\.example.subset), credits: found.outcomes.map(\.scores.credit))
    }
    var answers: [Bool]?
    // A model without a language head has no letters to choose from.
    if let folder = settings.mmlu, parts.rating == nil {
      say("MMLU")
      let questions = try MMLU("\(folder)/test.jsonl", limit: settings.questions)
      let result = try questions.evaluate(model: model, tokenizer: parts.tokenizer, tokenBudget: 4096)
      answers = zip(result.answers, result.questions).map { $0 == $1.answer }
    }
    WorkerMessage(phase: "done", completed: total, total: total).send()
    return RewardOutcome(
      responses: responses, preferences: preferences, mmlu: answers, losses: losses, seconds: seconds)
  }

  /// The test file, rated.
  private func rated(_ judge: any Judge) throws -> [RewardOutcome.Rated] {
    guard let path = parts.settings.data.test else { return [] }
    let file = try JSONLFile(path), count = min(parts.settings.evaluate.limit ?? .max, file.count)
    let records = try (0..<count).map { try parts.reader.record(file, $0) }
    let rated = records.compactMap { record in record.rated.map { (record, $0) } }
    let rewards = try judge.rewards(
      of: rated.map { RewardRequest(messages: $0.1.messages, response: $0.1.response) }, facets: true,
      tokenBudget: parts.settings.evaluate.tokenBudget ?? 8192)
    var questions = [[ChatMessage]: Int]()
    return zip(rated, rewards).map { rated, reward in
      let question = questions[rated.1.messages] ?? questions.count
      questions[rated.1.messages] = question
      return RewardOutcome.Rated(
        id: rated.0.id ?? rated.0.source, question: question, prompt: rated.1.messages.last?.content ?? "",
        response: rated.1.response, truth: rated.1.scores ?? [], reward: reward)
    }
  }
}
