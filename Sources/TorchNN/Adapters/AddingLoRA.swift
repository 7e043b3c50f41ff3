// SPDX-License-Identifier: Apache-2.0
import Files
import Torch

extension TokenModel {
  /// Gives linear layers low-rank adapters and freezes everything else but ``TokenModel/modulesToSave``.
  ///
  ///     try model.addLoRA(LoRASettings(rank: 16, alpha: 32, targets: ["q_proj", "v_proj"]), seed: 1)
  ///
  /// - Parameters:
  ///   - settings: which layers, and what the adapters are like.
  ///   - seed: of A's values, drawn in the order of ``Module/descendants(prefix:)``. The model computes what it did.
  ///   - path: what errors call the settings.
  /// - Throws: `TorchError` if memory runs out; `InputError` for a rank above the smaller side of a layer (a full
  ///   matrix would be smaller and could do more), for a target that no linear layer has as the end of its name (the
  ///   message lists those there are), for the head, whose weight the loss reads, or for numbers that cannot be meant.
  ///   Nothing has changed then.
  public func addLoRA(_ settings: LoRASettings, seed: UInt64, path: String = "LoRA") throws {
    let adapters = try withTorchErrors {
      let adapters = try makeAdapters(settings, path: path, checkingRank: true)
      let generator = Generator(seed: seed)
      noGrad {
        for (_, adapter) in adapters { adapter.initialise(generator: generator) }
      }
      return adapters
    }
    install(adapters)
  }

  /// Folds all adapters into the weights they adapt: W + scale · B A, summed in float32 and rounded once. The model
  /// is then of plain layers, none of them trainable.
  public func mergeLoRA() {
    freeze()
    replaceDescendants { _, module in (module as? LoRALinear)?.merged() }
  }

  /// The adapters, with the full names of their layers.
  public var adapters: [(key: String, layer: LoRALinear)] {
    descendants().compactMap { key, module in (module as? LoRALinear).map { (key, $0) } }
  }

  /// Adapters for the layers that are meant, without values yet and not in their places.
  ///
  /// - Parameter checkingRank: whether to refuse a rank above a layer's smaller side.
  func makeAdapters(
    _ settings: LoRASettings, path: String, checkingRank: Bool = false
  ) throws -> [(key: String, layer: LoRALinear)] {
    try settings.check(path: path)
    precondition(adapters.isEmpty, "a model with adapters gets no others: merge them first")
    let all = descendants().compactMap { key, module in (module as? Linear).map { (key: key, layer: $0) } }
    let (heads, layers) = (all.filter { isHead($0.layer) }, all.filter { !isHead($0.layer) })
    for target in settings.targets {
      let alone = LoRASettings(targets: [target])
      if layers.contains(where: { alone.selects($0.key) }) { continue }
      let isHead = heads.contains { alone.selects($0.key) }
      throw InputError(
        path: path, place: "targets",
        expected: "names of linear layers: " + lastParts(layers.map(\.key)).joined(separator: ", ")
          + ", or \(LoRASettings.allLinear)",
        found: isHead ? "\(target), the head, whose weight the loss reads" : target)
    }
    let chosen = layers.filter { settings.selects($0.key) }
    if checkingRank {
      for (key, layer) in chosen {
        let side = min(layer.weight.size(0), layer.weight.size(1))
        guard settings.rank > side else { continue }
        throw InputError(
          path: path, place: "rank", expected: "at most \(side), the smaller side of \(key)", found: "\(settings.rank)",
          remedy: "Choose a smaller rank, or other targets.")
      }
    }
    return chosen.map { ($0.key, LoRALinear($0.layer, settings)) }
  }

  /// Puts adapters in the places of the layers they adapt and makes them, with the modules to save, all that is
  /// trained.
  func install(_ adapters: [(key: String, layer: LoRALinear)]) {
    let layers = Dictionary(uniqueKeysWithValues: adapters)
    replaceDescendants { key, _ in layers[key] }
    freeze()
    for (_, layer) in adapters {
      layer.$down.isTrainable = true
      layer.$up.isTrainable = true
    }
    for parameter in savedModuleParameters { parameter.box.isTrainable = true }
  }

  private func isHead(_ layer: Linear) -> Bool { layer.weight === head.weight }
}

/// The last parts of names, each once, sorted.
func lastParts(_ names: [String]) -> [String] {
  Set(names.map { String($0.split(separator: ".").last ?? "") }).sorted()
}
