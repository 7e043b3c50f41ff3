import Files
import Foundation
import TokenModels
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
/// - Throws: `InputError` if the model cannot be read or the folder cannot be written.
public func exportModel(
  _ choice: ModelChoice, to folder: String, dtype: ExportType, replacing: Bool
) throws -> [(name: String, bytes: Int)] {
  let model = try choice.load()
  try withTorchErrors {
    model.mergeLoRA()
    try model.save(to: folder, tokenizer: choice.parts.modelFolder, dtype: dtype.dtype, replacing: replacing) {
      try choice.parts.saveAnswering(to: $0)
    }
  }
  return try names(inFolder: folder).sorted().map { name in
    let size = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")[.size] as? Int
    return (name, size ?? 0)
  }
}
