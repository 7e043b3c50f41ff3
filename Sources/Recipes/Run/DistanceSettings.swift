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

extension MetricSettings.DistanceChoice: SettingsSection {
  mutating func visit(_ keys: any SettingsKeys) throws {
    var registered = DistanceName(text: name)
    try keys.required("name", &registered)
    name = registered.text
    for parameter in DistanceRegistry.parameters { try parameter.visit(keys, &parameters[parameter.name]) }
    // Runs of earlier versions wrote down the default, of every distance.
    if keys.isReading, parameters["seed"] == .integer(0) { parameters["seed"] = nil }
    try keys.path("embeddings", &embeddings)
    try keys.value("tensor", &tensor)
  }
}

extension DistanceParameter {
  /// What a run file has under its key.
  fileprivate func visit(_ keys: any SettingsKeys, _ value: inout DistanceValue?) throws {
    let given = value.map { DistanceParameters([name: $0]) }
    func visit<T: SettingValue>(_ known: T?, _ new: (T) -> DistanceValue) throws {
      var known = known
      try keys.value(name, &known)
      if let known { value = new(known) }
    }
    switch kind {
    case .number: try visit(given?.number(name), DistanceValue.number)
    case .integer: try visit(given?.integer(name), DistanceValue.integer)
    case .text: try visit(given?.text(name), DistanceValue.text)
    case .table: try visit(given?.table(name), DistanceValue.table)
    }
  }
}

/// A name that is registered.
private struct DistanceName: SettingValue {
  let text: String

  init(text: String) { self.text = text }

  init?(setting: JSON) {
    guard case .string(let text) = setting, Self.names.contains(text) else { return nil }
    self.text = text
  }
  var setting: JSON { .string(text) }
  static var names: [String] { DistanceRegistry.names }
  static var expected: String { "one of \(names.joined(separator: ", "))" }
  static var schema: JSON { ["enum": .array(names.map { .string($0) })] }
}
