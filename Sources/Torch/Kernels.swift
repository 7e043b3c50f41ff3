// SPDX-License-Identifier: Apache-2.0
import CTorch

/// What computes the fused operations (``Tensor/rmsNorm(_:eps:)``, ``rotated(query:key:cosine:sine:pairs:)``,
/// ``swiGLU(_:_:)``, the losses): our own kernels at some instruction set, or plain ATen operations.
public enum KernelLevel: String, Sendable, CaseIterable {
  /// ATen only, as on other devices and for other types; has second derivatives.
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

/// Our operators, registered with torch's dispatcher by the native library (`native/operators.hpp`): by our kernels where
/// these take the arguments, else composed of ATen's operators.
enum Fused {
  static let rmsNorm = Op("dist2::rms_norm"), addRMSNorm = Op("dist2::add_rms_norm")
  static let rotate = Op("dist2::rotate")
  static let swiGLU = Op("dist2::swiglu"), gatedLinear = Op("dist2::gated_linear")
  static let linear = Op("dist2::linear"), linears = Op("dist2::linears"), embedding = Op("dist2::embedding")
  static let linearLoss = Op("dist2::linear_cross_entropy_distance"), logitsLoss = Op("dist2::cross_entropy_distance")
  static let adamW8 = Op("dist2::adamw8_")
}

/// Whether our kernels take these tensors: float32 on the CPU.
func kernelsTake(_ tensors: Tensor...) -> Bool {
  KernelLevel.current != .plain && tensors.allSatisfy { $0.dtype == .float32 && $0.device.type == Device.cpu.type }
}
