// SPDX-License-Identifier: Apache-2.0
import Files
import TokenModels

/// A model of a GGUF file: `config.json`, what dist2 makes of it, and the weights under their names in a folder.
struct GGUFModel {
  let family: GGUFFamily
  let json: JSON
  let configuration: DecoderConfiguration
  let weights: [GGUFWeight]

  /// Reads metadata and pairs tensors. Names and meanings of the keys are those of llama.cpp's converter and loader.
  ///
  /// - Throws: `InputError` if the model is of another architecture, has an option that changes the computation and is
  ///   not supported, or lacks a tensor, has one too many, or one of another shape.
  init(of file: GGUFFile, endTokens: [Int], beginToken: Int?) throws(InputError) {
    family = try GGUFFamily.of(file.metadata)
    json = try family.configurationJSON(of: file, endTokens: endTokens, beginToken: beginToken)
    configuration = try DecoderConfiguration(JSONReader(json, path: file.file.path))
    weights = try Self.weights(of: file, family, configuration)
  }

  private static func weights(
    of file: GGUFFile, _ family: GGUFFamily, _ model: DecoderConfiguration
  ) throws(InputError) -> [GGUFWeight] {
    var weights: [GGUFWeight] = []
    var used = Set(rotaryTensorNames)
    for pairing in family.pairings(model) {
      guard let tensor = file[pairing.name] else { throw missing(pairing.name, in: file) }
      guard tensor.shape == pairing.shape else {
        throw InputError(
          path: file.file.path, place: "tensor \(pairing.name)", expected: "shape \(pairing.shape)",
          found: "\(tensor.shape)")
      }
      used.insert(pairing.name)
      weights += GGUFWeight.parts(of: tensor, pairing)
    }
    if let extra = file.tensors.first(where: { !used.contains($0.name) }) {
      throw InputError(
        path: file.file.path, place: "tensor \(extra.name)",
        expected: "only the tensors of a \(family.modelType) model", found: "one that it has no use for")
    }
    return weights
  }

  static func missing(_ name: String, in file: GGUFFile) -> InputError {
    InputError(
      path: file.file.path, place: "tensor \(name)", expected: "a model's weights", found: "no such tensor",
      remedy: "Is it a model, or only its vocabulary, a part of one, or an adapter?")
  }
}
