// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

extension OptimizerRule {
  /// Readies a model for training.
  ///
  /// A model none of whose parameters is trainable is trained whole; otherwise what is frozen stays so.
  ///
  /// - Parameter dtype: type the model shall compute in; nil leaves it as it is.
  /// - Returns: the trained parameters, each once, and what an optimizer has to know of them.
  func prepare(_ model: Module, dtype: DType?) -> (parameters: [NamedParameter], optimized: [OptimizedParameter]) {
    if model.trainableParameters().isEmpty {
      precondition(!model.isQuantized, "a quantised model is trained by adapters: add them first")
      model.unfreeze()
    }
    let originals = dtype.map { convert(model, to: $0) } ?? [:]
    let parameters = model.trainableParameters()
    let chosen = groups.map { group in
      Set(group.selector.parameters(of: model).map { ObjectIdentifier($0.tensor) })
    }
    let optimized = parameters.map { parameter in
      let identity = ObjectIdentifier(parameter.tensor)
      return OptimizedParameter(
        key: parameter.key, tensor: parameter.tensor, master: originals[identity],
        group: chosen.firstIndex { $0.contains(identity) })
    }
    return (parameters, optimized)
  }

  /// Gives all parameters another type. Tied ones stay tied.
  ///
  /// - Returns: what the new tensors that are trained were made of, in full precision, by the identity of the new
  ///   tensor.
  private func convert(_ model: Module, to dtype: DType) -> [ObjectIdentifier: Tensor] {
    let boxes = model.parameters().map(\.box).filter { !($0 is Constant) }
    let old = boxes.map(\.tensor)  // kept alive, so that identities stay theirs
    var new: [ObjectIdentifier: Tensor] = [:], originals: [ObjectIdentifier: Tensor] = [:]
    for (box, tensor) in zip(boxes, old) where tensor.dtype != dtype {
      let converted = new[ObjectIdentifier(tensor)] ?? noGrad { tensor.detach().to(dtype) }
      new[ObjectIdentifier(tensor)] = converted
      if box.isTrainable { originals[ObjectIdentifier(converted)] = noGrad { tensor.detach().to(.float32) } }
      box.tensor = converted
    }
    return originals
  }
}
