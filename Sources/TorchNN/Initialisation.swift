// SPDX-License-Identifier: Apache-2.0
public import Torch

extension Module {
  /// Gives every layer below this module randomly initialised values, as the reference implementations of decoders do
  /// before training from scratch: matrices and tables normal with mean 0, biases 0, normalisation weights 1. Then asks
  /// every module for those of its own, ``initialiseTables(generator:dtype:device:)``.
  ///
  /// - Parameters:
  ///   - standardDeviation: that of the matrices and tables; nil: 0.02 for tables, 1/√inputs for matrices, so that what
  ///     passes through a narrow layer keeps its size (LeCun et al. 1998, Efficient BackProp).
  ///   - generator: draws in order of ``descendants(prefix:)``, so a seed fixes every value.
  ///   - dtype: element type of the new parameters.
  ///   - device: where they are made; the generator must live there.
  public final func initialise(
    standardDeviation: Double?, generator: Generator, dtype: DType = .float32, device: Device = .cpu
  ) {
    func normal(_ like: Tensor, _ deviation: Double) -> Tensor {
      .empty(like.shape, dtype: dtype, device: device)
        .normal_(std: standardDeviation ?? deviation, generator: generator)
    }
    noGrad {
      for (_, module) in descendants() {
        switch module {
        case let linear as Linear:
          linear.weight = normal(linear.weight, 1 / Double(linear.weight.size(1)).squareRoot())
          linear.bias = linear.bias.map { .zeros($0.shape, dtype: dtype, device: device) }
        case let table as Embedding: table.weight = normal(table.weight, 0.02)
        case let norm as RMSNorm:
          norm.weight = .full(norm.weight.shape, norm.isOffset ? 0 : 1, dtype: dtype, device: device)
        case let norm as LayerNorm:
          norm.weight = .ones(norm.weight.shape, dtype: dtype, device: device)
          norm.bias = .zeros(norm.bias.shape, dtype: dtype, device: device)
        default: continue
        }
      }
    }
    for (_, module) in descendants() { module.initialiseTables(generator: generator, dtype: dtype, device: device) }
  }
}
