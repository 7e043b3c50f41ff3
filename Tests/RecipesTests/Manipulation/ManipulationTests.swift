// SPDX-License-Identifier: Apache-2.0
import ModelImport
import Experiments
import TaskData
import Files
import Foundation
import MetricTokens
import Objectives
import Recipes
import Reports
import Tabletop
import Testing
import TokenData
import TokenModels

/// A model of a few thousand weights with room for manipulation prompts. The folder is deleted afterwards.
final class TinyManipulation {
  let folder = FileManager.default.temporaryDirectory.appending(path: "manipulation-\(UUID().uuidString)").path
  var model: String { folder + "/model" }

  init() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    _ = try GGUFImport(importFixtures + "/smollm.gguf").write(to: model, precision: .f32, replacing: false)
    // Rotary positions have no weights: the context is as long as the configuration says.
    let path = model + "/config.json"
    guard case .object(var config) = try JSON(parsing: String(contentsOfFile: path, encoding: .utf8), path: path) else {
      throw InputError(path: path, expected: "an object", found: "none")
    }
    config["max_position_embeddings"] = 4096
    try AtomicFile.write(JSON.object(config).text().utf8, to: path)
  }

  /// Makes one that sees, four tokens an image, and returns its folder.
  func seeing() throws -> String {
    let vision = VisionConfiguration(
      hiddenSize: 16, intermediateSize: 32, layers: 1, heads: 2, imageSize: 32, patchSize: 16)
    try NewVisionModel(vision: vision, seed: 5).write(language: model, to: folder + "/vlm")
    return folder + "/vlm"
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }
}

@Suite struct ManipulationTests {
  private let template = PromptTemplate(observation: .boxes, rules: false)

  /// Places and angle of an answer are metric tokens of three metrics, digit by digit with their place.
  @Test func examplesHaveThreeMetrics() throws {
    let tiny = try TinyManipulation()
    let data = ManipulationData(ExampleWriter(template: template), kinds: [.rotate, .visualManipulation, .followOrder])
    let path = tiny.folder + "/data/train.jsonl"
    let count = try data.write(.train, episodes: 6, to: path)
    let settings = try RunSettings(
      file: configsFolder + "/manipulation/text.yaml",
      overrides: ["model=\"\(tiny.model)\"", "data.train=\"\(path)\"", "data.valid=", "data.maxLength=4096"])
    let artifacts = try RunArtifacts(settings), dataset = try artifacts.dataset(path)
    #expect(dataset.count == count)
    #expect(count == 2 + 2 + 2 * 2)
    #expect(dataset.summary.skippedCount == 0)
    #expect(settings.metrics.map(\.name) == ["x", "y", "angle"])
    for index in 0..<dataset.count {
      let example = try dataset.example(index), record = try dataset.record(index)
      guard case .promptCompletion(_, let answer?) = record.content else { continue }
      let actions = ParsedAnswer(answer).actions
      for metric in 0..<3 {
        let mine = example.metrics.filter { $0.metric == metric }
        let digits = mine.map { $0.candidate }.map { artifacts.distanceLosses[metric].space.values?[$0] ?? -1 }
        let wanted = actions.flatMap { action -> [String] in
          switch metric {
          case 0: [String(format: "%.3f", action.start.x), String(format: "%.3f", action.end.x)]
          case 1: [String(format: "%.3f", action.start.y), String(format: "%.3f", action.end.y)]
          default: ["\(abs(action.rotation))"]
          }
        }
        #expect(digits == wanted.joined().compactMap { $0.wholeNumberValue.map(Double.init) })
        // 4, 3, 2, 1 for 0.123; for an angle from its own first digit.
        #expect(
          mine.map(\.place.rankInNumber) == wanted.flatMap { text in (1...text.count { $0.isNumber }).reversed() })
        #expect(artifacts.distanceLosses[metric].name == settings.metrics[metric].name)
      }
    }
  }

  /// The shipped sample is what the command writes, and every example of it has all three metrics.
  @Test func theSampleIsTheCommands() throws {
    let tiny = try TinyManipulation(), path = tiny.folder + "/sample.jsonl"
    try ManipulationData(ExampleWriter(template: template)).write(.train, episodes: TaskKind.allCases.count, to: path)
    let sample = configsFolder + "/samples/manipulation.jsonl"
    #expect(try String(contentsOfFile: path, encoding: .utf8) == String(contentsOfFile: sample, encoding: .utf8))
  }

  /// Smaller sets are the beginning of larger ones, and files do not depend on when they are made.
  @Test func filesAreNestedAndRepeatable() throws {
    let tiny = try TinyManipulation()
    let data = ManipulationData(ExampleWriter(auxiliary: AuxiliaryTask.allCases, ratio: 0.5))
    let texts = try [13, 26, 13].enumerated().map { index, episodes in
      let path = tiny.folder + "/\(index).jsonl"
      try data.write(.train, episodes: episodes, to: path)
      return try String(contentsOfFile: path, encoding: .utf8)
    }
    #expect(texts[0] == texts[2] && texts[1].hasPrefix(texts[0]) && texts[1] != texts[0])
    #expect(texts[0].contains("\"spa_rel/"))
  }

  @Test func policyAnswersEveryLine() throws {
    let tiny = try TinyManipulation()
    let policy = try ManipulationPolicy(
      ModelChoice(tiny.model, overrides: ["evaluate.maxNewTokens=4"]), template: template)
    let good =
      "{\"id\": 7, \"task\": \"Rotate it.\", \"objects\": [{\"name\": \"red ring\", \"box\": [0.5, 0.5, 0.1, 0.1]}]}"
    let lines = [
      good, "{\"id\": \"a\", \"prompt\": \"Put {a}.\", \"assets\": {\"a\": {\"name\": \"x\", \"box\": [0, 0, 1]}}}", "",
      "no JSON",
      "{\"id\": 8, \"text\": \"\(String(repeating: "long ", count: 4000))\"}",
      "{\"id\": 9, \"tool\": \"hammer\", \"text\": \"a\"}",
      "[1]", "{\"id\": 10, \"text\": \"a\"}",
    ]
    let answers = try policy.answers(to: lines, from: 1).map {
      JSONReader(try JSON(parsing: $0, path: "answer"), path: "answer")
    }
    #expect(answers.count == 7)
    #expect(try answers[0].int(at: "id") == 7)
    #expect(try answers[0].array(at: "actions").isEmpty && answers[0].ifPresent("problem") != nil)
    for (index, words) in [
      (1, ["line 2", "assets.a.box"]), (2, ["line 4"]), (3, ["line 5", "4096"]), (4, ["line 6", "suction or spatula"]),
      (5, ["line 7"]),
    ] {
      let error = try answers[index].string(at: "error")
      for word in words { #expect(error.contains(word), "\(error)") }
    }
    #expect(try answers[1].string(at: "id") == "a" && answers[6].int(at: "id") == 10)
    #expect(try answers[6].ifPresent("error") == nil)
    // Alone or among others, an answer is the same.
    #expect(policy.answers(to: [good], from: 1) == [answers[0].value.text()])
  }

  /// Runs, one of each variant, become a report; a run run again is the same.
  @Test func runsBecomeAReport() throws {
    let tiny = try TinyManipulation()
    var experiment = ManipulationExperiment(.tiny, model: tiny.model)
    (experiment.grid.variants, experiment.grid.sizes, experiment.maxNewTokens) = (["sft", "dist"], [2, 4, 6], 8)
    let folder = tiny.folder + "/out", kept = try ExperimentFolder(folder, experiment)
    for run in experiment.grid.runs { try kept.run(one: run.name, threads: 1) }
    let report = try kept.report(command: "dist2 reproduce manipulation")
    #expect(report.tables[0].rows.count == 2 * 3)
    // The paper's columns, to the row of 1K and sft.
    #expect(report.tables[0].rows[0].suffix(2).compactMap(\.value) == [49.6, 46.2])
    #expect(report.markdown.contains("**K8**"))
    #expect(report.markdown.contains("**K10**"))
    let page = try String(contentsOfFile: folder + "/report.html", encoding: .utf8)
    #expect(page.contains("Answer of the oracle"))
    #expect(page.contains("Where actions miss"))
    let run = experiment.grid.runs[1], before = try #require(try kept.outcome(run.name))
    #expect(before.trials.count == 4)
    #expect(before.trials.allSatisfy { $0.answers == 1 && $0.steps >= 1 })
    #expect(before.losses.allSatisfy { $0.isFinite })
    #expect(before.examples == 2)
    try kept.run(one: run.name, threads: 1)
    let again = try #require(try kept.outcome(run.name))
    #expect(again.losses == before.losses)
    #expect(again.trials == before.trials)
    experiment.grid.sizes = [0]
    #expect(throws: InputError.self) { try experiment.validate() }
  }

  /// What a run has learnt is not lost when it cannot finish: the next try goes on from there.
  @Test func interruptedRunsGoOn() throws {
    let tiny = try TinyManipulation()
    var experiment = ManipulationExperiment(.tiny, model: tiny.model)
    (experiment.grid.variants, experiment.grid.sizes, experiment.maxNewTokens) = (["dist"], [2], 8)
    let folder = tiny.folder + "/out", kept = try ExperimentFolder(folder, experiment)
    let name = experiment.grid.runs[0].name, results = folder + "/cells",
      checkpoints = folder + "/runs/\(name)/checkpoints"
    func run() throws { try kept.run(one: name, threads: 1) }
    try run()
    let whole = try #require(try kept.outcome(name))
    #expect(!fileExists(checkpoints))
    // A file where the results should go: everything is done, and cannot be kept.
    try FileManager.default.removeItem(atPath: results)
    try Data().write(to: URL(fileURLWithPath: results))
    func written() throws -> Date? {
      try FileManager.default.attributesOfItem(atPath: checkpoints + "/step-2/state.json")[.modificationDate] as? Date
    }
    #expect(throws: InputError.self) { try run() }
    let first = try #require(try written())
    #expect(throws: InputError.self) { try run() }
    #expect(try written() == first, "it was trained again")
    try FileManager.default.removeItem(atPath: results)
    try makeFolders(results)
    try run()
    let resumed = try #require(try kept.outcome(name))
    #expect(resumed.losses == whole.losses)
    #expect(resumed.trials == whole.trials)
    #expect(!fileExists(checkpoints))
  }
}

/// Games of policies that need no model.
@Suite struct PolicyTestTests {
  private let template = PromptTemplate(observation: .boxes)
  private let episodes = TaskKind.allCases.flatMap { kind in (0..<3).map { Episode(kind, .placement, seed: $0) } }

  @Test func theOracleSolvesEverything() {
    let trials = PolicyTest(template: template).play(episodes) { questions in
      questions.enumerated().map { episodes[$0.offset].oracle.answer() }
    }
    #expect(trials.allSatisfy { $0.isSuccess && $0.answers == 1 && $0.problems.isEmpty })
    #expect(trials.allSatisfy { ($0.startError ?? 1) < 0.006 && ($0.endError ?? 1) < 0.006 && $0.angleError ?? 0 == 0 })
    #expect(trials.contains { $0.angleError != nil })
    #expect(trials.contains { $0.angleError == nil })
  }

  /// One action an answer: the history says how many are done.
  @Test func stepByStepAsksAgain() {
    let byPrompt = Dictionary(
      episodes.flatMap { episode -> [(String, String)] in
        ExampleWriter(template: template).examples(of: episode).map { ($0.prompt, $0.answer) }
      }, uniquingKeysWith: { $1 })
    let trials = PolicyTest(template: template, isSingleStep: true).play(episodes) { questions in
      questions.map { byPrompt[$0.prompt] ?? "" }
    }
    #expect(trials.allSatisfy { $0.isSuccess })
    #expect(zip(trials, episodes).allSatisfy { $0.answers == $1.oracle.count && $0.steps == $0.answers })
  }

  @Test func silenceFailsAfterTheLimit() {
    let trials = PolicyTest(template: template, limit: 5).play(episodes) { prompts in prompts.map { _ in "no" } }
    #expect(trials.allSatisfy { !$0.isSuccess && $0.answers == 5 && $0.problems.count == 5 && $0.startError == nil })
    let once = PolicyTest(template: template, answers: 1).play(episodes) { prompts in prompts.map { _ in "no" } }
    #expect(once.allSatisfy { $0.answers == 1 && $0.steps == 1 })
  }
}
