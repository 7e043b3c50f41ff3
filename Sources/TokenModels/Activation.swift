// SPDX-License-Identifier: Apache-2.0
import Files
import Torch
import TorchNN

/// Activation of an MLP, under transformers' names.
package enum Activation: String, Sendable, CaseIterable {
  case silu
  case gelu
  case quickGelu = "quick_gelu"
  case geluTanh = "gelu_pytorch_tanh"

  /// Reads a name; `gelu_new` is the tanh approximation too, `swish` another word for silu.
  init(_ config: JSONReader, key: String, default: Activation) throws(InputError) {
    guard let value = try config.ifPresent(key) else {
      self = `default`
      return
    }
    let name = try value.string(), known = ["gelu_new": Activation.geluTanh, "swish": .silu][name]
    guard let activation = known ?? Activation(rawValue: name) else {
      throw value.error(
        expected: Self.allCases.map(\.rawValue).joined(separator: ", ") + ", the only ones supported")
    }
    self = activation
  }

  /// Element by element.
  func callAsFunction(_ x: Tensor) -> Tensor {
    switch self {
    case .silu: x.silu()
    case .gelu: x.gelu()
    case .quickGelu: x * (x * 1.702).sigmoid()
    case .geluTanh: x.gelu(tanh: true)
    }
  }
}
