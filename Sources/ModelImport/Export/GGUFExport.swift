// SPDX-License-Identifier: Apache-2.0
import Files
public import TokenModels
import Torch
import TorchNN

/// Writes a model and its tokenizer as one GGUF file, which llama.cpp runs.
///
///     let export = try GGUFExport(model, tokenizer: folder, name: "my-model")
///     try export.write(to: "my-model.gguf", format: .q8_0)
///
/// The families of ``GGUFImport``, each under llama.cpp's names. What a file of the family cannot hold is refused by its
/// key in `config.json` or `tokenizer.json`.
public struct GGUFExport {
  /// Formats of the matrices. Vectors, and what chooses experts, are F32 in all.
  public enum Format: String, Sendable, CaseIterable {
    case f32 = "F32"
    case f16 = "F16"
    case bf16 = "BF16"
    /// 8.5 bits a weight.
    case q8_0 = "Q8_0"
    /// llama.cpp's mixture Q4_K_M: some 4.8 bits a weight of a large model.
    case q4_K = "Q4_K"
  }

  /// Notes for the user.
  public let notes: [String]
  /// The number of weights.
  public let parameterCount: Int
  private let family: GGUFFamily
  private let configuration: DecoderConfiguration
  private let tokenizer: GGUFTokenizerFolder
  private let parameters: [String: Tensor]
  private let name: String

  /// Looks at everything but the weights' values, so that what cannot be exported is refused at once.
  ///
  /// - Parameters:
  ///   - model: a model with adapters merged.
  ///   - folder: where tokenizer, chat template and `generation_config.json` are.
  ///   - name: the model's name, for people.
  /// - Throws: `InputError` that names the option or part that llama.cpp's family has no equal of.
  public init(_ model: any PretrainedModel, tokenizer folder: String, name: String) throws {
    let config = JSONReader(model.configurationJSON, path: folder + "/config.json")
    let type = try config.ifPresent("model_type")?.string() ?? "llama"
    guard let model = model as? CausalLM, let family = GGUFFamily.holding(modelType: type) else {
      throw config.child("model_type", .string(type)).error(
        expected: "one of " + (GGUFFamily.all.map(\.modelType) + ["mistral"]).joined(separator: ", ")
          + ", which a GGUF file can hold")
    }
    configuration = model.configuration
    try family.requireExportable(configuration, config)
    tokenizer = try GGUFTokenizerFolder(folder: folder, rows: configuration.vocabularySize)
    parameters = Dictionary(model.parameters().map { ($0.key, $0.tensor) }) { first, _ in first }
    parameterCount = family.pairings(configuration).reduce(0) { $0 + $1.shape.reduce(1, *) }
    (self.family, self.name, notes) = (family, name, tokenizer.notes)
  }

  /// Writes the file, whole or not at all. Weights pass through memory some rows at a time.
  ///
  /// - Parameter progress: called with the number of weights done, many times.
  /// - Throws: `InputError` if the file cannot be written.
  public func write(to path: String, format: Format, progress: (Int) -> Void = { _ in }) throws {
    let general: [(key: String, value: GGUFEntry)] = [
      ("general.architecture", .string(family.name)), ("general.type", .string("model")),
      ("general.name", .string(name)), ("general.quantization_version", .uint32(2)),
      ("general.file_type", .uint32(format.fileType)),
    ]
    let metadata = general + family.metadata(configuration) + tokenizer.metadata
    let sources =
      family.rotaryTensors(configuration)
      + family.pairings(configuration).map { pairing in
        let type = format.type(of: pairing, configuration, isTied: configuration.tiesEmbeddings)
        return GGUFSource(name: pairing.name, type: type, shape: pairing.shape) { sink in try write(pairing, sink) }
      }
    try GGUFWriter.write(metadata, sources, to: path, progress: progress)
  }

  /// Elements that are made at a time.
  private static let pieceLength = 1 << 22

  private func write(_ pairing: GGUFPairing, _ sink: GGUFSource.Sink) throws {
    for name in pairing.parameters {
      guard let parameter = parameters[name] else { preconditionFailure("no parameter \(name)") }
      let rows = try withTorchErrors { noGrad { pairing.inFileOrder(parameter.detach()) } }
      let count = rows.shape[0]
      let perPiece = max(1, Self.pieceLength / max(1, rows.count / count))
      var start = 0
      while start < count {
        let length = min(perPiece, count - start)
        let piece = try withTorchErrors {
          noGrad {
            let floats = rows.narrow(0, start, length).to(.cpu, dtype: .float32)
            return (pairing.offset == 0 ? floats : floats + Double(pairing.offset)).contiguous()
          }
        }
        try piece.withUnsafeMutableBytes { try sink(UnsafeBufferPointer($0.bindMemory(to: Float.self))) }
        start += length
      }
    }
  }
}

extension GGUFPairing {
  /// The parameter with its rows in llama.cpp's order: element (head, half, i) becomes (head, i, half), so that the two
  /// that rotary embedding turns together are neighbours.
  fileprivate func inFileOrder(_ parameter: Tensor) -> Tensor {
    guard let heads = rotaryHeads else { return parameter }
    let shape = parameter.shape, width = shape[0] / heads
    return parameter.reshape([heads, 2, width / 2] + shape.dropFirst()).transpose(1, 2).reshape(shape)
  }
}
