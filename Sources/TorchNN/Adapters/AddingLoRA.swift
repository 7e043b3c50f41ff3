// SPDX-License-Identifier: Apache-2.0
import Files
import Torch

extension TokenModel {
  /// Gives linear layers low-rank adapters and freezes everything else but ``LoRASettings/modulesToSave`` and
  /// ``TokenModel/modulesToSave``.
  ///
  ///     try model.addLoRA(LoRASettings(rank: 16, alpha: 32, targets: ["q_proj", "v_proj"]), seed: 1)
  ///
  /// - Parameters:
  ///   - settings: which layers, and what the adapters are like.
  ///   - seed: of A's values, drawn in the order of ``Module/descendants(prefix:)``. The model computes what it did.
  ///   - path: what errors call the settings.
  /// - Throws: `TorchError` if memory runs out; `InputError` for a rank above the smaller side of a layer (a full
  ///   matrix would be smaller and could do more), for a name that nothing in the model has as the end of its own (the
  ///   message lists what there is), for the head as a target, whose weight the loss reads, or for numbers that cannot
  ///   be meant. Nothing has changed then.
  public func addLoRA(_ settings: LoRASettings, seed: UInt64, path: String = "LoRA") throws {
    let adapters = try withTorchErrors {
      let adapters = try makeAdapters(naming(settings, path: path), path: path, isNew: true)
      let generator = Generator(seed: seed)
      noGrad {
        for (_, adapter) in adapters { adapter.initialise(generator: generator) }
      }
      return adapters
    }
    install(adapters)
  }

  /// As ``addLoRA(_:seed:path:)`` without values: for a model without weights, to see what would be trained.
  package func describeLoRA(_ settings: LoRASettings, path: String) throws {
    install(try withTorchErrors { try makeAdapters(naming(settings, path: path), path: path, isNew: true) })
  }

  /// Folds all adapters into the weights they adapt: W + scale · B A, its rows brought to the length of a magnitude,
  /// computed in float32 and rounded once. Weights that are stored as codes become numbers again. The model is then of
  /// plain layers, none of them trainable.
  public func mergeLoRA() {
    freeze()
    replaceDescendants { _, module in
      switch module {
      case let layer as LoRALinear: layer.merged()
      case let layer as Linear:
        layer.quantized.map { Linear(weight: layer.denseWeight($0.dtype), bias: layer.bias) }
      default: nil
      }
    }
  }

  /// The adapters, with the full names of their layers.
  public var adapters: [(key: String, layer: LoRALinear)] {
    descendants().compactMap { key, module in (module as? LoRALinear).map { (key, $0) } }
  }

  /// Adapters for the layers that are meant, without values yet and not in their places.
  ///
  /// - Parameters:
  ///   - settings: those of ``naming(_:path:matching:)``.
  ///   - isNew: whether somebody asks for them, who is told of excluded names that mean nothing, and of ranks above a layer's
  ///     smaller side. In a stored adapter's targets those that are excluded are no longer.
  func makeAdapters(
    _ settings: LoRASettings, path: String, isNew: Bool = false
  ) throws -> [(key: String, layer: LoRALinear)] {
    // A stored adapter's file has PEFT's keys.
    let nameInFile = isNew ? { $0 } : AdapterConfiguration.place
    try settings.check(path: path, place: nameInFile)
    precondition(adapters.isEmpty, "a model with adapters gets no others: merge them first")
    let all = descendants().compactMap { key, module in (module as? Linear).map { (key: key, layer: $0) } }
    let (heads, layers) = (all.filter { $0.layer.isHead(of: self) }, all.filter { !$0.layer.isHead(of: self) })
    func refuse(_ place: String, _ expected: String, _ found: String, among names: [String]) -> InputError {
      InputError(
        path: path, place: nameInFile(place), expected: expected + lastParts(names).joined(separator: ", "),
        found: found)
    }
    for target in settings.targets {
      let alone = LoRASettings(targets: [target])
      if layers.contains(where: { alone.targets($0.key) }) { continue }
      let isHead = heads.contains { alone.targets($0.key) }
      var error = refuse(
        "targets", "names of linear layers: ",
        isHead ? "\(target), the head, whose weight the loss reads" : target, among: layers.map(\.key))
      error.expected += ", or \(LoRASettings.allLinear)"
      throw error
    }
    let targeted = layers.map(\.key).filter(settings.targets)
    for name in settings.exclude where isNew && !targeted.contains(where: { LayerName.matches(name, $0) }) {
      throw refuse("exclude", "names of layers that targets mean: ", name, among: targeted)
    }
    let chosen = layers.filter { settings.selects($0.key) }, keys = chosen.map(\.key)
    guard !chosen.isEmpty else {
      throw refuse(
        settings.exclude.isEmpty ? "modulesToSave" : "exclude", "a layer that is left to adapt, of ",
        "every layer excluded, or trained whole", among: targeted)
    }
    for (place, name) in [
      ("rankPattern", settings.rankPattern.unmatched(keys)), ("alphaPattern", settings.alphaPattern.unmatched(keys)),
    ] {
      if let name { throw refuse(place, "names of layers that are adapted: ", name, among: keys) }
    }
    for (key, layer) in chosen where isNew {
      let side = layer.weightShape.min() ?? 0, rank = settings.rank(of: key)
      guard rank > side else { continue }
      throw InputError(
        path: path, place: settings.rankPattern.value(of: key) == nil ? "rank" : "rankPattern",
        expected: "at most \(side), the smaller side of \(key)", found: "\(rank)",
        remedy: "Choose a smaller rank, or other targets.")
    }
    return chosen.map { ($0.key, LoRALinear($0.layer, settings, key: $0.key)) }
  }

  /// Puts adapters in the places of the layers they adapt and makes them, with the modules to save, all that is
  /// trained.
  func install(_ adapters: [(key: String, layer: LoRALinear)]) {
    let layers = Dictionary(uniqueKeysWithValues: adapters)
    replaceDescendants { key, _ in layers[key] }
    freeze()
    for (_, layer) in adapters {
      for box in layer.adapterBoxes { box.isTrainable = true }
    }
    for parameter in savedParameters(adapters.first?.layer.settings) { parameter.box.isTrainable = true }
  }
}

extension LoRALinear {
  /// What is trained of it.
  var adapterBoxes: [ParameterBox] { [$down, $up] + ($magnitude.isPresent ? [$magnitude] : []) }
}

/// The last parts of names, each once, sorted.
func lastParts(_ names: [String]) -> [String] {
  Set(names.map { String($0.split(separator: ".").last ?? "") }).sorted()
}
