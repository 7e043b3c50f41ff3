// SPDX-License-Identifier: Apache-2.0
import Files
import Torch

extension TokenModel {
  /// Settings whose ``LoRASettings/modulesToSave`` are full names of modules, each once, in the model's order.
  ///
  /// - Parameters:
  ///   - place: what errors call the list.
  ///   - matches: whether a name of the settings means a module of a full name.
  /// - Throws: `InputError` for a name that means no module with weights.
  func naming(
    _ settings: LoRASettings, path: String, place: String = "modulesToSave",
    matching matches: (_ name: String, _ key: String) -> Bool = LayerName.matches
  ) throws -> LoRASettings {
    guard !settings.modulesToSave.isEmpty else { return settings }
    // Codes are no module of a user's.
    let all = descendants().filter { key, module in
      !key.isEmpty && !module.parameters().isEmpty && !(module is QuantizedWeight)
    }
    var found = Set<String>()
    for name in settings.modulesToSave {
      let meant =
        switch name {
        case LoRASettings.embeddings: [embeddingKey(all)].compactMap { $0 }
        case LoRASettings.head: [headKey(all)].compactMap { $0 }
        default: all.map(\.key).filter { matches(name, $0) }
        }
      guard !meant.isEmpty else {
        throw InputError(
          path: path, place: place,
          expected: "\(LoRASettings.embeddings), \(LoRASettings.head), or names of modules: "
            + lastParts(all.map(\.key)).filter { Int($0) == nil }.joined(separator: ", "),
          found: name, remedy: tiesHead ? "The head of this model is its table of embeddings." : "")
      }
      if let key = meant.first(where: { key in all.contains { LayerName.isWithin($0.key, key) && $0.module.isQuantized }
      }) {
        throw InputError(
          path: path, place: place, expected: "modules whose weights are not quantised", found: key,
          remedy: "Name it among the layers that quantize excludes.")
      }
      found.formUnion(meant)
    }
    var named = settings
    // One in another is trained with it.
    let outer = found.filter { key in !found.contains { $0 != key && LayerName.isWithin(key, $0) } }
    named.modulesToSave = all.map(\.key).filter(outer.contains)
    return named
  }

  /// Weights that are trained and saved beside adapters of these settings: those of their modules, and of
  /// ``TokenModel/modulesToSave``.
  func savedParameters(_ settings: LoRASettings?) -> [NamedParameter] {
    let modules = modulesToSave + (settings?.modulesToSave ?? [])
    return parameters().filter { parameter in modules.contains { LayerName.isWithin(parameter.key, $0) } }
  }

  /// Whether the head is the table of embeddings.
  var tiesHead: Bool { descendants().contains { ($0.module as? Embedding)?.weight === head.weight } }

  /// The full name of the table of token embeddings.
  private func embeddingKey(_ modules: [(key: String, module: Module)]) -> String? {
    modules.first { ($0.module as? Embedding)?.weight.size(0) == vocabularySize }?.key
  }

  /// The full name of the last projection; of the table where they are one.
  private func headKey(_ modules: [(key: String, module: Module)]) -> String? {
    modules.first { ($0.module as? Linear)?.isHead(of: self) == true }?.key
      ?? modules.first { ($0.module as? Embedding)?.weight === head.weight }?.key
  }
}
