// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch

extension TokenModel {
  /// Stores the weights of linear layers as codes, one layer after the other, and gives all other parameters memory of
  /// their own. The head, the embeddings, normalisations, biases and ``TokenModel/modulesToSave`` stay numbers.
  ///
  /// Parameters may be the pages of a mapped checkpoint, in any type: no more than a layer is in memory in float32 at a
  /// time. The model can then be trained by adapters alone.
  ///
  /// - Parameters:
  ///   - dtype: type that the model computes in, which all other parameters get; nil leaves each its own.
  ///   - device: where everything shall live.
  ///   - path: what errors call the settings.
  /// - Throws: `InputError` for a name in ``QuantizationSettings/exclude`` that no linear layer ends with; nothing has
  ///   changed then.
  public func quantize(
    _ settings: QuantizationSettings, dtype: DType? = nil, device: Device = .cpu, path: String = "quantize"
  ) throws {
    try quantize(settings, dtype: dtype, device: device, path: path, progress: nil)
  }

  /// As above, telling how many layers are done, of how many.
  package func quantize(
    _ settings: QuantizationSettings, dtype: DType? = nil, device: Device = .cpu, path: String = "quantize",
    progress: ((_ done: Int, _ of: Int) -> Void)?
  ) throws {
    precondition(adapters.isEmpty, "a model is quantised before it gets adapters")
    let layers = try layersToQuantize(settings, path: path)
    for (index, (_, layer)) in layers.enumerated() {
      defer { progress?(index + 1, layers.count) }
      layer.quantize(settings, dtype: dtype ?? layer.weight.dtype, device: device)
    }
    noGrad {
      // What is tied stays so.
      var moved: [ObjectIdentifier: (old: Tensor, new: Tensor)] = [:]
      for parameter in parameters() where !(parameter.box is Constant) {
        let old = parameter.tensor, made = moved[ObjectIdentifier(old)]?.new ?? old.moved(to: device, dtype: dtype)
        moved[ObjectIdentifier(old)] = (old, made)
        parameter.box.tensor = made
      }
    }
  }

  /// The linear layers that ``quantize(_:dtype:device:path:)`` stores as codes, with their full names.
  ///
  /// - Throws: as that.
  public func layersToQuantize(
    _ settings: QuantizationSettings, path: String = "quantize"
  ) throws(InputError) -> [(key: String, layer: Linear)] {
    let layers = descendants().compactMap { key, module in (module as? Linear).map { (key: key, layer: $0) } }
    for name in settings.exclude where !layers.contains(where: { LayerName.matches(name, $0.key) }) {
      throw InputError(
        path: path, place: "exclude",
        expected: "names of linear layers: " + lastParts(layers.map(\.key)).joined(separator: ", "), found: name)
    }
    return layers.filter { key, layer in
      !layer.staysExact && !layer.isHead(of: self) && !modulesToSave.contains { LayerName.isWithin(key, $0) }
        && !settings.exclude.contains { LayerName.matches($0, key) }
    }
  }
}

extension Module {
  /// Whether weights of linear layers are stored as codes.
  public final var isQuantized: Bool { descendants().contains { $0.module is QuantizedWeight } }
}

extension Tensor {
  /// A tensor of this type in memory of its own, on a device.
  fileprivate func moved(to device: Device, dtype: DType?) -> Tensor {
    let plain = detach().to(device, dtype: dtype ?? self.dtype)
    return plain.hasMemory(of: self) ? plain.clone() : plain
  }
}
