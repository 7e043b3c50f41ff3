// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Torch

/// The levels of our kernels that this machine can run.
let kernelLevels = [KernelLevel.baseline, .avx2, .avx512, .sve256].filter(\.isSupported)

/// max |a − b| / max |b|, both taken as float64; infinite where one has no value and the other has.
func relativeError(_ a: Tensor, _ b: Tensor) -> Double {
  guard a.shape == b.shape else { return .infinity }
  if a.count == 0 { return 0 }
  let (x, y) = (a.to(.float64), b.to(.float64))
  let error = (x - y).abs().max().item() / Swift.max(y.abs().max().item(), 1e-30)
  return error.isNaN ? .infinity : error
}

/// Samples in float32 that do not depend on anything else.
func samples(_ shape: Int..., seed: UInt64, scale: Double = 1) -> Tensor {
  Tensor.randn(shape, generator: Generator(seed: seed)) * scale
}

/// Values of `function` and gradients of Σ output·upstream with respect to its inputs.
struct Derived {
  var outputs: [Tensor]
  var gradients: [Tensor]

  init(_ inputs: [Tensor], upstream: [Tensor], _ function: ([Tensor]) -> [Tensor]) {
    let leaves = inputs.map { $0.detach().clone().requiresGrad(true) }
    outputs = function(leaves)
    let total = zip(outputs, upstream).map { ($0 * $1).sum() }.reduce(Tensor(scalar: Float(0))) { $0 + $1 }
    total.backward()
    gradients = leaves.map { $0.grad ?? $0.zerosLike() }
    outputs = outputs.map { $0.detach() }
  }

  /// The largest error of any output or gradient.
  func error(from reference: Derived) -> Double {
    zip(outputs + gradients, reference.outputs + reference.gradients).map(relativeError).max() ?? 0
  }
}

/// Compares kernels in float32 with their plain twin in float64.
///
/// - Parameters:
///   - prepare: how an input reaches the function, e.g. as a view that is not contiguous.
/// - Returns: the largest relative error of outputs and gradients.
func error(
  of function: ([Tensor]) -> [Tensor], at inputs: [Tensor], level: KernelLevel,
  prepare: (Tensor) -> Tensor = { $0 }
) -> Double {
  let shapes = noGrad { function(inputs).map(\.shape) }
  let upstream = shapes.enumerated().map {
    Tensor.randn($0.element, generator: Generator(seed: 900 + UInt64($0.offset)))
  }
  let fused = withKernels(level) { Derived(inputs, upstream: upstream) { function($0.map(prepare)) } }
  let plain = withKernels(.plain) {
    Derived(inputs.map { $0.to(.float64) }, upstream: upstream.map { $0.to(.float64) }, function)
  }
  return fused.error(from: plain)
}

/// Tables of numbers made by a script beside them.
struct KernelFixture: Decodable {
  struct Table: Decodable {
    var shape: [Int]
    var values: [Double]
    var tensor: Tensor { Tensor(values, shape: shape) }
  }
  var inputs: [Table], upstream: [Table], outputs: [Table], gradients: [Table]
  var epsilon: Double?
  var cosine: Table?, sine: Table?

  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/kernels")

  static func load(_ name: String) throws -> [String: KernelFixture] {
    try JSONDecoder().decode([String: KernelFixture].self, from: Data(contentsOf: folder.appendingPathComponent(name)))
  }

  /// The largest relative error of `function` in a type, by whatever kernels are in force.
  func error(in dtype: DType, _ function: ([Tensor]) -> [Tensor]) -> Double {
    let found = Derived(
      inputs.map { $0.tensor.to(dtype) }, upstream: upstream.map { $0.tensor.to(dtype) }, function)
    var expected = found
    expected.outputs = outputs.map(\.tensor)
    expected.gradients = gradients.map(\.tensor)
    return found.error(from: expected)
  }
}
