// SPDX-License-Identifier: Apache-2.0
import CTorch

/// What computes the fused operations (``Tensor/rmsNorm(_:eps:)``, `rotated(query:key:cosine:sine:positions:)`,
/// ``swiGLU(_:_:)``, the linear losses): our own kernels at some instruction set, or plain ATen operations.
public enum KernelLevel: String, Sendable, CaseIterable {
  /// ATen only: any device and type, and second derivatives.
  case plain
  /// Instructions of every machine of this architecture (SSE2, NEON).
  case baseline
  /// AVX2 and FMA.
  case avx2
  /// AVX-512 F, BW, CD, DQ, VL.
  case avx512
  /// ARM64's SVE with vectors of 256 bits. Run under an emulator only.
  case sve256

  /// The level of this thread: the best the processor has, unless ``withKernels(_:_:)`` says otherwise.
  public static var current: KernelLevel { KernelLevel(rawValue: String(cString: ct_kernel_level()))! }

  /// Whether this build and processor have it.
  public var isSupported: Bool { withKernels(self) { KernelLevel.current == self } }
}

/// Runs `body` with the kernels of one level, on this thread: for tests, for measurements, and (`.plain`) where a
/// second derivative is wanted. A level the machine does not have leaves the current one in force.
public func withKernels<R>(_ level: KernelLevel, _ body: () throws -> R) rethrows -> R {
  let before = KernelLevel.current
  _ = ct_set_kernel_level(level.rawValue)
  defer { _ = ct_set_kernel_level(before.rawValue) }
  return try body()
}

/// Whether our kernels take these tensors: float32 on the CPU.
func kernelsTake(_ tensors: Tensor?...) -> Bool {
  let eligible = tensors.allSatisfy { $0 == nil || ($0!.dtype == .float32 && $0!.device.type == Device.cpu.type) }
  return eligible && KernelLevel.current != .plain
}

/// The results of a native function that hands out `count` owned tensors; a failure is raised and leaves them empty.
func owned(_ count: Int, _ call: (UnsafeMutablePointer<ct_tensor?>) -> Int32) -> [Tensor] {
  var out = [ct_tensor?](repeating: nil, count: count)
  if call(&out) != 0 { TorchError.raise() }
  return out.map(Tensor.init(owned:))
}
