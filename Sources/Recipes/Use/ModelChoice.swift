// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Objectives
import Reports
import TokenData
public import TokenModels
public import Torch
import TorchNN
import Training

/// Model that RUN names: the folder of a run, a run file, a model, or adapters of one.
///
/// A run's folder means the model it trained (the best checkpoint by validation, else the last); a run file means the
/// model it starts from; a model's folder or name means that model, without metrics; a folder of PEFT's adapters means the
/// model they were trained on with them.
public struct ModelChoice: Sendable {
  /// Run file, with defaults where there is none.
  public let artifacts: RunArtifacts
  /// The checkpoint of a run, or a folder of adapters; nil for a model as it was published.
  public let checkpoint: String?
  /// Folder of the run, where results go; nil without one.
  public let run: RunFolder?

  /// Looks at what is there.
  ///
  /// - Parameters:
  ///   - step: the checkpoint to take instead of the best.
  ///   - overrides: assignments to keys of the run file.
  /// - Throws: `InputError` if it is none of these, or the run has no checkpoint.
  public init(_ name: String, step: Int? = nil, overrides: [String] = []) throws {
    let manager = FileManager.default
    let run = RunFolder(name.hasSuffix("/") ? String(name.dropLast()) : name)
    if manager.fileExists(atPath: run.runFile) {
      artifacts = try RunArtifacts(RunSettings(file: run.runFile, overrides: overrides))
      checkpoint = try run.checkpoint(step: step)
      self.run = run
    } else if name.hasSuffix(".yaml") || name.hasSuffix(".yml") {
      artifacts = try RunArtifacts(RunSettings(file: name, overrides: overrides))
      (checkpoint, self.run) = (nil, nil)
    } else {
      // A checkpoint of a run is better named by the run, which knows metrics and numbers.
      let adapter = StoredAdapter(name).flatMap { $0.run == nil ? $0 : nil }
      let folder = try adapter?.baseFolder() ?? modelFolder(name)
      artifacts = try RunArtifacts(
        RunSettings(model: folder, objective: ObjectiveSettings(preset: .sft)).setting(overrides))
      (checkpoint, self.run) = (adapter?.folder, nil)
    }
  }

  /// A short name for tables.
  public var name: String {
    let model = URL(fileURLWithPath: artifacts.modelFolder).lastPathComponent
    guard let checkpoint else { return model }
    return "\(run?.path ?? model) \(URL(fileURLWithPath: checkpoint).lastPathComponent)"
  }

  /// The model with its weights.
  ///
  /// - Parameters:
  ///   - dtype: type that the model computes in; nil: that of its file.
  ///   - checkingValues: refuse NaN and infinite weights.
  public func load(dtype: DType? = .float32, checkingValues: Bool = false) throws -> any PretrainedModel {
    try loadTrained(artifacts, checkpoint: checkpoint, dtype: dtype, checkingValues: checkingValues)
  }
}

/// A run's model as a checkpoint has it; without one, as it was published. What the run quantises is quantised, except
/// without a checkpoint in the files' own type.
func loadTrained(
  _ artifacts: any TrainingArtifacts, checkpoint: String?, dtype: DType? = .float32, checkingValues: Bool = false
) throws -> any PretrainedModel {
  try artifacts.settings.requireDevice()
  let options = LoadOptions(dtype: dtype, device: artifacts.settings.train.device, checkingValues: checkingValues)
  guard let checkpoint else {
    // As its files have it, nothing is made of it.
    if dtype == nil {
      return try loadModel(folder: artifacts.modelFolder, options: options, terminal: .standardError)
    }
    return try artifacts.settings.startingModel(folder: artifacts.modelFolder, options: options)
  }
  if fileExists(checkpoint + "/model.safetensors") {
    return try loadModel(folder: checkpoint, options: options, terminal: .standardError)
  }
  // Only what was trained is in the checkpoint: it goes onto the model the run started from.
  let model = try artifacts.withHead(
    artifacts.settings.startingModel(folder: artifacts.modelFolder, options: options))
  try restore(model, from: checkpoint)
  return model
}

extension RunArtifacts {
  /// A model as this run trains it: with a randomly initialised head of scores, if it rates with one.
  public func withHead(_ model: any PretrainedModel) throws -> any PretrainedModel {
    guard let rating else { return model }
    let labels: [String]
    if rating.loss.givesEmbeddings {
      labels = (0..<(settings.objective.parameters.dimensions ?? 2)).map { "embedding \($0)" }
    } else {
      labels = rating.loss.givesOneScore ? ["reward"] : try ratings.template.scales.map(\.name)
    }
    return try withTorchErrors {
      try SequenceClassifier(
        from: model, outputs: labels.count, labels: labels, padToken: tokenizer.roles.pad.map(Int.init),
        keepsTextHead: rating.loss.readsTexts, seed: settings.train.seed)
    }
  }
}

extension RunFolder {
  /// The folder of a step's checkpoint: without a step that of the best validation, else the last.
  func checkpoint(step: Int?) throws -> String {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints)) ?? []
    let steps = names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }.sorted()
    guard let last = steps.last else {
      throw InputError(
        path: path, expected: "a run with a checkpoint", found: "none in checkpoints/",
        remedy: "Train first: dist2 train \(runFile).")
    }
    if let step {
      guard steps.contains(step) else {
        throw InputError(
          path: checkpoints, expected: "a checkpoint of step \(step)",
          found: "those of \(steps.map(String.init).joined(separator: ", "))",
          remedy: "train.keep and train.checkpointEvery say which are kept; without --step the best is taken.")
      }
      return "\(checkpoints)/step-\(step)"
    }
    let state = try JSONReader(file: "\(checkpoints)/step-\(last)/state.json", limit: 1 << 20)
    let best = try state.ifPresent("best")?.int(at: "step")
    return "\(checkpoints)/step-\(best.flatMap { steps.contains($0) ? $0 : nil } ?? last)"
  }
}
