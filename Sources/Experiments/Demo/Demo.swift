// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import Objectives
import Recipes
public import Reports
import TokenData
import Training

/// The first minutes: a small model learns noisy numbers with three objectives, and what it then believes is drawn.
public struct Demo {
  /// Training, side by side and resumable.
  public let comparison: ExperimentFolder<ComparisonExperiment>
  private let folder: String

  /// Training data.
  static let numbers = NoisyNumbers(count: 200, noise: 0.5, digits: 3)
  static let objectives: [Preset] = [.sft, .dist, .valueDrawn]

  /// Makes data, model and run file in a folder, as far as they are not there.
  ///
  /// - Parameter steps: updates of each training run.
  /// - Throws: `InputError` if the folder holds another comparison.
  public init(folder: String, seeds: Int, steps: Int = 400) throws {
    let folder = absolutePath(folder), model = folder + "/model"
    self.folder = folder
    try Self.numbers.write(to: folder + "/data", seed: 1)
    if !fileExists(model + "/config.json") {
      try NewLanguageModel(width: 64, layers: 2, heads: 4, contextLength: 128).write(to: model)
    }
    let settings = Self.settings(in: folder, steps: steps)
    try Self.write(settings, to: folder + "/run.yaml")
    comparison = try ExperimentFolder(
      folder + "/compare",
      ComparisonExperiment(
        RunSettings(file: folder + "/run.yaml"), objectives: Self.objectives, seeds: Array(1...seeds)))
  }

  /// Settings of the demo's runs.
  static func settings(in folder: String, steps: Int) -> RunSettings {
    let data = folder + "/data"
    return RunSettings(
      model: folder + "/model",
      data: DataSettings(
        train: "\(data)/train.jsonl", valid: "\(data)/valid.jsonl", test: "\(data)/test.jsonl"),
      metrics: [MetricSettings(name: "y", tokens: .digits)],
      // Of dist and value.
      objective: ObjectiveSettings(alpha: 1),
      train: TrainSettings(
        length: .steps(steps), batch: 32, learningRate: 1e-3, schedule: .cosine, validateEvery: max(1, steps / 4),
        fromScratch: true, samples: 0),
      evaluate: EvaluateSettings(maxNewTokens: 12, readOut: .median))
  }

  /// Writes a run file to go on from; one that is there must say the same.
  private static func write(_ settings: RunSettings, to path: String) throws {
    guard fileExists(path) else {
      let text = """
        # Noisy numbers for a small model. Compare again, or with other objectives:
        #   dist2 compare run.yaml --objectives sft,dist,value,valueDrawn,raml --seeds 5

        """
      return try AtomicFile.write((text + settings.short(in: parentFolder(of: path)).yaml).utf8, to: path)
    }
    guard try RunSettings(file: path) == settings else {
      throw InputError(
        path: path, expected: "the demo's run file", found: "another, or one that was edited",
        remedy: "Compare with it: dist2 compare \(path); or choose another --output for the demo.")
    }
  }

  /// The next phase.
  public func introduction(_ terminal: Terminal) throws -> String {
    let line =
      try String(decoding: fileBytes(folder + "/data/train.jsonl", limit: 1 << 20), as: UTF8.self)
      .split(separator: "\n").first.map(String.init) ?? ""
    let example = try JSON(parsing: line, path: folder)
    guard case .string(let prompt)? = example["prompt"], case .string(let answer)? = example["completion"] else {
      return ""
    }
    return """
      \(Self.numbers.count) examples of a number that depends on two others, and on chance:

          \(prompt)\(terminal.styled(answer, .bold))

      \(terminal.prose(Self.objectivesInWords))


      """
  }

  private static let objectivesInWords =
    "A small model learns them from nothing with three objectives. sft learns the digits that were said and nothing else; "
    + "dist learns which digits are near them; valueDrawn learns which numbers are."

  /// Distributions of the models for the first three test examples, and the comparison's own report.
  public func report(command: String, _ terminal: Terminal) throws -> String {
    let report = try comparison.report(command: command)
    let results = try comparison.results()
    let beliefs = Self.objectives.map { preset in
      (preset.rawValue, results.outcomes(preset.rawValue).map(\.records))
    }
    let range = 0...pow(10, Double(Self.numbers.digits))
    var text = terminal.styled("Predicted distributions of all seeds, and the truth:", .bold) + "\n\n"
    for index in 0..<3 {
      guard let first = beliefs.first?.1.first?[index], let truth = first.truth.first else { continue }
      let rows = beliefs.map { name, seeds in
        DensityPlot.Row(name, seeds.flatMap { $0[index].beliefs.first?.quantiles ?? [] })
      }
      text += "\(first.prompt)\n" + DensityPlot(range: range, truth: truth, rows: rows).text(terminal: terminal) + "\n"
    }
    return text + report.text(terminal)
  }
}
