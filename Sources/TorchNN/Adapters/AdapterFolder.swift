// SPDX-License-Identifier: Apache-2.0
package import Files
package import Torch

private let prefix = AdapterWeights.keyPrefix

extension TokenModel {
  /// Writes the adapters, and what is trained with them (``TokenModel/modulesToSave``), as a folder that
  /// `peft.PeftModel.from_pretrained` reads: `adapter_model.safetensors` and `adapter_config.json`. The folder appears
  /// whole or not at all.
  ///
  /// - Parameter replacing: whether a folder of that name may be there.
  public func saveAdapters(to folder: String, replacing: Bool = false) throws {
    try AtomicFolder.write(to: folder, replacing: replacing) { try writeAdapters(into: $0) }
  }

  /// Writes the two files of ``saveAdapters(to:replacing:)`` into a folder that is there.
  package func writeAdapters(into folder: String) throws {
    let adapters = adapters
    guard let settings = adapters.first?.layer.settings else { preconditionFailure("a model without adapters") }
    // PEFT reads "all-linear" too, but then adapts whatever layers its own model class happens to have.
    let isAll = settings.targets.contains(LoRASettings.allLinear)
    let targets = isAll ? lastParts(adapters.map(\.key)) : settings.targets
    let text = AdapterConfiguration.text(
      settings, targets: targets, heads: modulesToSave, modulesToSave: namesInPEFT(settings.modulesToSave),
      tiesHead: savesTiedHead(settings))
    try AtomicFile.write(text.utf8, to: folder + "/" + AdapterConfiguration.fileName)
    let stored = parameters(of: adapters).map { ($0.key, $0.tensor) } + adapterCopies.map { ($0.key, $0.tensor) }
    let sources = stored.map { SafetensorsSource(name: prefix + $0.0, tensor: $0.1) }
    try SafetensorsWriter.write(sources, to: folder + "/" + AdapterWeights.fileName)
  }

  /// Adds the adapters of a folder that PEFT or ``saveAdapters(to:replacing:)`` wrote, and sets the weights that were
  /// saved with them. Both are trainable, all else is frozen. Adapters have the type and place of the weights they
  /// adapt.
  ///
  /// - Throws: `InputError` for an option of `adapter_config.json` that is not supported, a target the model does not
  ///   have, and tensors that are missing, not used, or of another shape, all of them named. Nothing has changed then.
  public func loadAdapters(folder: String) throws {
    let path = folder + "/" + AdapterConfiguration.fileName
    let content = try AdapterConfiguration.read(path, heads: modulesToSave)
    let settings = try naming(
      content.settings, path: path, place: "key modules_to_save", matching: AdapterConfiguration.means)
    let savesTiedHead = savesTiedHead(settings)
    if savesTiedHead, !content.tiesHead {
      throw InputError(
        path: path, place: "key ensure_weight_tying",
        expected: "true, since this model's head is its table of embeddings, which modules_to_save names",
        found: "false: two tables, one of them trained",
        remedy: "Train it with ensure_weight_tying=True, or merge it with PEFT into a model whose head is its own.")
    }
    let file = try AdapterWeights(folder: folder)
    // PEFT writes a tied table under both names.
    let weights: any WeightSource = savesTiedHead ? try withoutCopies(of: head.weight, in: file) : file
    // Before anything of that size is reserved.
    let rows = weights.names.filter { $0.hasSuffix(".lora_A.weight") }.compactMap { weights.entry($0)?.shape.first }
    if let most = rows.max(), settings.largestRank > most {
      throw InputError(
        path: path, place: AdapterConfiguration.place(settings.rank > most ? "rank" : "rankPattern"),
        expected: "at most \(most), the rows of lora_A in \(weights.path)",
        found: "\(settings.largestRank)",
        remedy: "Check that \(AdapterConfiguration.fileName) belongs to these weights.")
    }
    let adapters = try withTorchErrors { try makeAdapters(settings, path: path) }
    try load(
      parameters(of: adapters), from: weights, keepingType: true,
      remedy: "Check that \(AdapterConfiguration.fileName) belongs to these weights, and both to the model.")
    install(adapters)
  }

  /// Parameters trained with adapters: A, B and magnitude of each, and the weights of modules to save; none without
  /// adapters.
  package var adapterParameters: [NamedParameter] { adapters.isEmpty ? [] : parameters(of: adapters) }

  /// Tensors that are stored once more, under the names that PEFT looks for: a table that is the head, too, if it is
  /// trained beside adapters.
  package var adapterCopies: [(key: String, tensor: Tensor)] {
    guard let settings = adapters.first?.layer.settings, savesTiedHead(settings) else { return [] }
    return [("lm_head.weight", head.weight)]
  }

  /// What is trained of adapters, which need not be in their places yet, and what is saved with them, under the names they
  /// have in the model.
  private func parameters(of adapters: [(key: String, layer: LoRALinear)]) -> [NamedParameter] {
    let own = adapters.flatMap { key, layer in
      layer.adapterBoxes.map { NamedParameter(key: "\(key).\($0.key)", box: $0) }
    }
    return own + savedParameters(adapters.first?.layer.settings)
  }

  /// Whether the table of embeddings is saved, and is the head.
  private func savesTiedHead(_ settings: LoRASettings) -> Bool {
    tiesHead && savedParameters(settings).contains { $0.tensor === head.weight }
  }

  /// Names that PEFT takes for these modules and no others: the last parts of theirs where that is enough.
  private func namesInPEFT(_ modules: [String]) -> [String] {
    let short = lastParts(modules), all = descendants().filter { !$0.module.parameters().isEmpty }.map(\.key)
    let meant = all.filter { key in short.contains { AdapterConfiguration.means($0, key) } }
    return Set(meant) == Set(modules) ? short : modules
  }

  /// The tensors without those under names that the model does not have which equal the one of `table`'s name.
  private func withoutCopies(of table: Tensor, in source: AdapterWeights) throws -> RenamedWeights {
    let parameters = parameters(), known = Set(parameters.map(\.key))
    let name = parameters.first { $0.tensor === table }?.key ?? ""
    let stored = source.entry(name) == nil ? nil : try source.tensor(name)
    let copies = try source.names.filter { other in
      guard let stored, !known.contains(other), !other.contains(".lora_"), source.entry(other)?.shape == table.shape
      else {
        return false
      }
      return try source.tensor(other).isEqual(to: stored)
    }
    return RenamedWeights(source) { copies.contains($0) ? nil : $0 }
  }
}

/// The tensors of `adapter_model.safetensors`, under the names they have in the model.
package struct AdapterWeights: WeightSource {
  package static let fileName = "adapter_model.safetensors"
  /// Prefix that PEFT gives parameter names.
  package static let keyPrefix = "base_model.model."
  private let file: SafetensorsFile

  package init(folder: String) throws(InputError) { file = try SafetensorsFile(folder + "/" + Self.fileName) }

  package var path: String { file.file.path }
  /// A name that does not begin as PEFT's do stays as it is, for an error to name.
  package var names: [String] {
    file.tensors.map { $0.name.hasPrefix(prefix) ? String($0.name.dropFirst(prefix.count)) : $0.name }
  }
  package func entry(_ name: String) -> WeightEntry? {
    file[prefix + name].map {
      WeightEntry(shape: $0.shape, dtype: DType($0.type), typeName: $0.type.rawValue, path: path)
    }
  }
  package func tensor(_ name: String) throws -> Tensor {
    guard let stored = file[prefix + name] else { preconditionFailure("no weight \(name)") }
    return try Tensor(stored, copying: true)
  }
}
