// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
public import TokenModels
import Torch
import TorchNN

/// Type of exported weights.
public enum ExportType: String, Sendable, CaseIterable {
  case float32, bfloat16, float16

  var dtype: DType {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .float16: .float16
    }
  }
}

/// Writes a model as a Hugging Face folder.
///
/// - Returns: the files and their sizes.
/// - Throws: `InputError` if the model cannot be read, a weight is NaN or infinite (or would be, in fewer bits), or the
///   folder cannot be written.
public func exportModel(
  _ choice: ModelChoice, to folder: String, dtype: ExportType, replacing: Bool
) throws -> [(name: String, bytes: Int)] {
  // Said before a model is loaded for it.
  if replacing { try requireReplaceableModel(folder) }
  let model = try mergedModel(choice, as: dtype)
  try withTorchErrors {
    try model.save(to: folder, tokenizer: choice.artifacts.modelFolder, dtype: dtype.dtype, replacing: replacing) {
      try choice.artifacts.saveAnswering(to: $0)
    }
  }
  return try names(inFolder: folder).sorted().map { name in
    let size = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")[.size] as? Int
    return (name, size ?? 0)
  }
}

/// A model as it is exported: adapters merged into its weights, all of them finite, in this type too.
///
/// Weights of a model that nothing was trained of stay in the file's type, and mostly in the file.
public func mergedModel(_ choice: ModelChoice, as dtype: ExportType) throws -> any PretrainedModel {
  let model = try choice.load(dtype: choice.checkpoint == nil ? nil : .float32, checkingValues: true)
  try withTorchErrors {
    model.mergeLoRA()
    // What was trained after the weights were read, and what fewer bits cannot hold.
    try model.requireFiniteParameters(as: dtype.dtype, path: choice.checkpoint ?? choice.artifacts.modelFolder)
  }
  return model
}

/// Calls `body` with a folder, deleted afterwards, that holds what an exported model's folder would besides weights:
/// `config.json`, tokenizer, chat template and end tokens.
public func withExportedCompanions<Result>(
  of model: any PretrainedModel, _ choice: ModelChoice, _ body: (_ folder: String) throws -> Result
) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("dist2-\(UUID().uuidString)").path
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  try model.saveCompanions(to: folder, tokenizer: choice.artifacts.modelFolder)
  try choice.artifacts.saveAnswering(to: folder)
  do {
    return try body(folder)
  } catch var error as InputError where error.path.hasPrefix(folder) {
    // What is wrong with a copy is wrong with what it was copied from.
    error.path = choice.artifacts.modelFolder + error.path.dropFirst(folder.count)
    throw error
  }
}
