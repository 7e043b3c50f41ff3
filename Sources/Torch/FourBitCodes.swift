// SPDX-License-Identifier: Apache-2.0

/// A matrix in 4 bits an element: indices into a table of 16 values, in units of the largest magnitude of every
/// ``block`` neighbours in the order of rows. The table is NF4's, whose values are equally probable where weights are
/// normally distributed (QLoRA, Dettmers et al. 2023, arXiv 2305.14314, section 3 and appendix E); codes, scales and
/// what they stand for are those of bitsandbytes' `quantize_4bit(…, quant_type="nf4", blocksize=64)`.
///
/// Products with it make the matrix anew, in the forward and in the backward pass, and keep nothing of its size.
public struct FourBitCodes {
  /// uint8 `[⌈n / 2⌉]`: two elements a byte, the first in the upper half.
  public let bytes: Tensor
  /// float32 `[⌈n / 64⌉]`; with ``nested`` uint8, codes themselves.
  public let scales: Tensor
  /// float32 `[257 + ⌈scales / 256⌉]` where scales are stored in 8 bits (double quantisation, section 3 of the paper): the
  /// values of ``DynamicCodes/signed``, what all scales are larger by, and the largest magnitude of every 256 scales.
  public let nested: Tensor?
  /// Sizes of the matrix.
  public let shape: [Int]

  /// Elements that share a scale.
  public static let block = 64
  /// Values of the 16 codes, ascending: quantiles of a normal distribution, with codes for −1, 0 and 1.
  public static let values: [Float] = [
    -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
  ]
  /// The two values of each byte: float32 `[256, 2]`.
  private let pairs: Tensor

  /// The nearest codes of a matrix, computed in float32, on the matrix's device. Takes memory for some four million
  /// elements at a time.
  ///
  /// - Parameter nestsScales: whether scales are stored in 8 bits: 0.52 bytes an element instead of 0.56.
  public init(_ matrix: Tensor, nestsScales: Bool = false) {
    let (bytes, scales) = noGrad { Self.encode(matrix.detach().reshape([-1])) }
    let nested = nestsScales ? noGrad { Self.nest(scales) } : nil
    self.init(bytes: bytes, scales: nested?.codes ?? scales, nested: nested?.scales, shape: matrix.shape)
  }

  /// Codes that were stored.
  public init(bytes: Tensor, scales: Tensor, nested: Tensor?, shape: [Int]) {
    (self.bytes, self.scales, self.nested, self.shape) = (bytes, scales, nested, shape)
    let values = Self.values.flatMap { high in Self.values.flatMap { [high, $0] } }
    pairs = Tensor(values, shape: [256, 2], device: bytes.device)
  }

  /// The matrix that the codes stand for.
  public func decode(_ dtype: DType = .float32) -> Tensor {
    FourBit.dequantize(bytes, scales, nested, pairs, shape, dtype)
  }

  /// x Wᵀ + b with this as W `[O, I]`: `[…, I]` → `[…, O]`, in x's type. Gradients flow to x and b.
  public func linear(_ x: Tensor, _ bias: Tensor? = nil) -> Tensor {
    torchPrecondition(shape.count == 2 && shape[1] == x.size(-1), "codes of a weight \(shape) for \(x.shape)")
    return FourBit.linear(x, bytes, scales, nested, pairs, shape[0], bias)
  }

  /// Elements that are encoded at a time: whole blocks.
  private static let piece = 1 << 22

  private static func encode(_ flat: Tensor) -> (bytes: Tensor, scales: Tensor) {
    let middles = zip(values, values.dropFirst()).map { ($0 + $1) / 2 }
    let limits = Tensor(middles, device: flat.device)
    let pieces = stride(from: 0, to: flat.count, by: piece).map { start in
      encode(piece: flat.narrow(0, start, min(piece, flat.count - start)).to(.float32), limits)
    }
    return (.cat(pieces.map(\.bytes)), .cat(pieces.map(\.scales)))
  }

  private static func encode(piece: Tensor, _ limits: Tensor) -> (bytes: Tensor, scales: Tensor) {
    let count = piece.count, padding = (block - count % block) % block
    let blocks = (padding == 0 ? piece : piece.padded([0, padding])).view([-1, block])
    let scales = blocks.abs().max(1, keepDim: true)
    let ratios = (blocks * scales.clamp(1e-38, nil).reciprocal()).clamp(-1, 1)
    let codes = FourBit.bucketize(ratios, limits, true, false).view([-1, 2])
    let bytes = (codes.select(1, 0) * 16.0 + codes.select(1, 1)).to(.uint8)
    return (bytes.narrow(0, 0, (count + 1) / 2), scales.squeeze(1))
  }

  private static func nest(_ scales: Tensor) -> (codes: Tensor, scales: Tensor) {
    let offset = scales.mean(), (codes, groups) = DynamicCodes.signed.encode(scales - offset)
    let values = Tensor(DynamicCodes.signed.values, device: scales.device)
    return (codes, .cat([values, offset.view([1]), groups]))
  }
}

private enum FourBit {
  static let dequantize = Op("dist2::dequantize_4bit"), linear = Op("dist2::quantized_linear")
  static let bucketize = Op("aten::bucketize", "Tensor")
}
