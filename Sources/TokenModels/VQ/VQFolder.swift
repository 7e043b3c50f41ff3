// SPDX-License-Identifier: Apache-2.0
import Files
public import Torch
import TorchNN

/// A ``VQModel`` lives in a folder as language models do: `config.json` and `model.safetensors`.
extension VQModel {
  /// The model in a folder without its weights.
  ///
  /// - Throws: `InputError` naming file and key: no such folder, a size that cannot be meant.
  public convenience init(describing folder: String) throws {
    let config = try JSONReader(file: folder + "/config.json", limit: 1 << 24)
    self.init(try VQConfiguration(config), json: config.value)
  }

  /// Opens the model in a folder.
  ///
  /// - Throws: `InputError` naming file, key or tensor: no such folder, weights that do not fit, a code book with NaN.
  public convenience init(folder: String, options: LoadOptions = LoadOptions()) throws {
    try self.init(describing: folder)
    // Published files count here which codes were used.
    let weights = RenamedWeights(try CheckpointWeights(folder: folder, copying: options.copying)) {
      $0 == "quantize.codebook_used" ? nil : $0
    }
    try load(
      from: weights, dtype: options.dtype, device: options.device, checkingValues: options.checkingValues)
    let book = quantizer.embedding.weight, name = "quantize.embedding.weight"
    let bad = noGrad { book.count - book.isFinite().sum().intItem() }
    guard bad == 0 else {
      throw InputError(
        path: weights.entry(name)?.path ?? folder, place: "tensor \(name)", expected: "finite numbers",
        found: "\(bad) of \(book.count) that are NaN or infinite",
        remedy: "The checkpoint is damaged or comes from a run that diverged.")
    }
  }

  /// Writes the model as a folder, which appears whole or not at all.
  ///
  /// - Parameters:
  ///   - dtype: element type in the file; nil for the parameters' own.
  ///   - replacing: whether a folder of that name may be there.
  /// - Throws: `InputError` if something cannot be written; nothing is left behind then.
  public func save(to folder: String, dtype: DType? = nil, replacing: Bool = false) throws {
    if replacing { try requireReplaceableModel(folder) }
    try AtomicFolder.write(to: folder, replacing: replacing) { partial in
      try write(into: partial, dtype: dtype)
    }
  }

  /// Writes `config.json` and `model.safetensors` into a folder that is there.
  ///
  /// - Throws: `InputError` if something cannot be written.
  public func write(into folder: String, dtype: DType? = nil) throws {
    let sources = parameters().map { SafetensorsSource(name: $0.key, tensor: $0.tensor, dtype: dtype) }
    try SafetensorsWriter.write(sources, to: folder + "/model.safetensors")
    try AtomicFile.write(configurationJSON, to: folder + "/config.json")
  }
}
