// SPDX-License-Identifier: Apache-2.0

/// Numbers in [−1, 1], or in [0, 1], as one of 256 codes: the dynamic data type of Dettmers et al. 2022 (arXiv
/// 2110.02861, section 2.1), whose relative error stays near 1 % over the largest decades and whose codes reach down to
/// 10⁻⁷. A tensor is cut into blocks of ``block`` elements, each in units of its largest magnitude.
///
/// Decade i of seven, `10^(i−6) · [0.1, 1]`, holds 2ⁱ codes of either sign, or 2ⁱ⁺¹ without sign, in the middles of
/// equal intervals; 0 and 1 have codes of their own.
public final class DynamicCodes: Sendable {
  /// With sign, for first moments.
  public static let signed = DynamicCodes(isSigned: true)
  /// Without sign, for second moments. What is not 0 never becomes 0: nothing could be divided by its root any more.
  public static let unsigned = DynamicCodes(isSigned: false)
  /// Elements that share a scale.
  public static let block = 256

  /// Values of the 256 codes, ascending.
  public let values: [Float]
  private let isSigned: Bool
  private let zero: Int
  /// The largest magnitude that is nearest to each magnitude code (which count from the code of 0), then infinity.
  private let limits: [Float]
  /// By the upper 16 bits of a magnitude, less those of `firstCell`: the magnitude code of the smallest such number.
  private let cells: [Int32]
  private let firstCell: Int

  private init(isSigned: Bool) {
    let magnitudes = Self.magnitudes(isSigned: isSigned)
    self.isSigned = isSigned
    values = (isSigned ? magnitudes.dropLast().map { -$0 }.reversed() : []) + [0] + magnitudes
    zero = isSigned ? magnitudes.count - 1 : 0
    let ascending = [0] + magnitudes
    let middles = zip(ascending, magnitudes).map { Float((Double($0) + Double($1)) / 2) }
    limits = middles + [Float](repeating: .infinity, count: 256 - middles.count)
    let first = Int(middles[0].bitPattern >> 16)
    cells = (first...Int(Float(1).bitPattern >> 16)).map { cell in
      let smallest = Float(bitPattern: UInt32(cell) << 16)
      return Int32(middles.count { $0 < smallest })
    }
    firstCell = first
  }

  /// The positive values, ascending.
  private static func magnitudes(isSigned: Bool) -> [Float] {
    let decades = 7
    let inside = (0..<decades).flatMap { decade in
      let count = 1 << (isSigned ? decade : decade + 1), unit = power(ofTen: decade - decades + 1)
      return (0..<count).map { Float(unit * (0.1 + 0.9 * (Double($0) + 0.5) / Double(count))) }
    }
    return inside + [1]
  }

  private static func power(ofTen exponent: Int) -> Double { (0 ..< -exponent).reduce(1) { power, _ in power / 10 } }

  /// A tensor of float32 values as codes (uint8, same shape) and scales (float32, one per block).
  public func encode(_ x: Tensor) -> (codes: Tensor, scales: Tensor) {
    let blocks = Self.blocks(x)  // [blocks, 256]
    let top = blocks.abs().max(1, keepDim: true)
    let ratio = blocks / Tensor.select(top .> 0, top, top.onesLike())
    var code = ratio.abs().bucket(Tensor(limits, device: x.device)).to(.int64)
    if isSigned {
      let most = Tensor.select(ratio .< 0, top.zerosLike() + 127, top.zerosLike() + 128).to(.int64)
      code = code.minimum(most)
      code = Tensor.select(ratio .< 0, -code, code) + Double(zero)
    } else {
      code = code.maximum((ratio .> 0).to(.int64))
    }
    let codes = code.to(.uint8).flatten().narrow(0, 0, x.count).view(x.shape)
    return (codes.contiguous(), top.squeeze(1).contiguous())
  }

  /// The codes of zeros, without what encoding them would take: forty bytes an element for a while.
  public func zeros(_ shape: [Int], device: Device = .cpu) -> (codes: Tensor, scales: Tensor) {
    let count = shape.reduce(1, *)
    return (
      .full(shape, Double(zero), dtype: .uint8, device: device), .zeros([Self.scaleCount(count)], device: device)
    )
  }

  /// The values that codes and scales stand for, float32.
  public func decode(_ codes: Tensor, scales: Tensor) -> Tensor {
    let values = Tensor(values, device: codes.device).indexSelect(0, codes.flatten().to(.int64))
    return (values * scales.repeatInterleave(Self.block, 0).narrow(0, 0, codes.count)).view(codes.shape)
  }

  /// The number of scales that so many elements have.
  public static func scaleCount(_ elements: Int) -> Int { (elements + block - 1) / block }

  private static func blocks(_ x: Tensor) -> Tensor {
    let count = scaleCount(x.count) * block
    guard count > x.count else { return x.reshape([-1, block]) }
    return Tensor.cat([x.reshape([-1]), .zeros([count - x.count], device: x.device)]).view([-1, block])
  }

  /// The tables as the kernel reads them.
  var map: [Tensor] { [Tensor(values), Tensor(limits), Tensor(cells)] }
  /// The first cell, and the code of 0.
  var start: [Int] { [firstCell, zero] }
}

private enum Codes {
  static let bucketize = Op("aten::bucketize", "Tensor")
}

extension Tensor {
  /// How many of the ascending limits are below each element, int32.
  fileprivate func bucket(_ limits: Tensor) -> Tensor { Codes.bucketize(self, limits, true, false) }
}
