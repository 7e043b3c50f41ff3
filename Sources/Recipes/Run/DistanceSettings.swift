// SPDX-License-Identifier: Apache-2.0
import Files
public import Objectives
import TokenModels
import Torch

extension MetricSettings {
  /// A distance by its name in `DistanceRegistry`, and what it reads.
  public struct DistanceChoice: Sendable, Hashable {
    /// `squared`, `absolute`, `circular`, …
    public var name: String
    /// Its parameters, which the distance itself reads: `["period": 360]`.
    public var parameters: [String: DistanceValue]
    /// Safetensors file of the candidates' embeddings, or the folder of an image tokenizer.
    public var embeddings: String?
    /// Name of the tensor in a Safetensors file.
    public var tensor: String?

    /// Memberwise.
    public init(
      _ name: String, _ parameters: [String: DistanceValue] = [:], embeddings: String? = nil, tensor: String? = nil
    ) {
      (self.name, self.parameters, self.embeddings, self.tensor) = (name, parameters, embeddings, tensor)
    }

    /// The distance.
    ///
    /// - Parameter other: where embeddings are, if the choice names no file of its own.
    /// - Throws: `ObjectiveError` for an unknown name, or a parameter that is missing or not allowed; `InputError` for
    ///   embeddings that cannot be read.
    public func make(embeddings other: String? = nil) throws -> any Distance {
      try DistanceRegistry.make(name, DistanceParameters(parameters, codeBook: codeBook(or: other)))
    }

    private func codeBook(or other: String?) throws -> CodeBook? {
      guard let embeddings = embeddings ?? other else { return nil }
      if fileExists(embeddings + "/config.json") {
        let model = try VQModel(folder: embeddings)
        return try CodeBook(withTorchErrors { model.codeBook })
      }
      let file = try SafetensorsFile(embeddings)
      guard let stored = tensor.map({ file[$0] }) ?? file.tensors.first else {
        throw InputError(
          path: embeddings, expected: "a tensor \(tensor ?? "")",
          found: file.tensors.map(\.name).joined(separator: ", "),
          remedy: "Name one of these in distance.tensor.")
      }
      return try CodeBook(withTorchErrors { try Tensor(stored, copying: true).to(.float32) })
    }
  }
}

extension MetricSettings.DistanceChoice {
  init(_ reader: SettingsReader) throws {
    let name: DistanceName = try reader.required("name")
    var parameters = [String: DistanceValue]()
    for parameter in DistanceRegistry.parameters { parameters[parameter.name] = try parameter.value(reader) }
    self.init(
      name.text, parameters, embeddings: try reader.optional("embeddings"), tensor: try reader.optional("tensor"))
  }
}

extension DistanceParameter {
  /// What a run file has under its key.
  fileprivate func value(_ reader: SettingsReader) throws -> DistanceValue? {
    switch kind {
    case .number: try reader.optional(name).map(DistanceValue.number)
    case .integer: try reader.optional(name).map(DistanceValue.integer)
    case .text: try reader.optional(name).map(DistanceValue.text)
    case .table: try reader.optional(name).map(DistanceValue.table)
    }
  }
}

/// A name that is registered.
private struct DistanceName: SettingValue {
  let text: String

  init?(setting: JSON) {
    guard case .string(let text) = setting, Self.names.contains(text) else { return nil }
    self.text = text
  }
  var setting: JSON { .string(text) }
  static var names: [String] { DistanceRegistry.names }
  static var expected: String { "one of \(names.joined(separator: ", "))" }
  static var schema: JSON { ["enum": .array(names.map { .string($0) })] }
}
