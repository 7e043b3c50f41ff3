// SPDX-License-Identifier: Apache-2.0
/// Formats of two and three bits, and those of four whose levels are not evenly spaced.
enum BlocksSmall {
  /// Sixteen pairs of a 4-bit scale and a 4-bit minimum, 2-bit elements, d, dmin: element = (d·scale)·q − (dmin·min).
  ///
  /// Each half of the block is four parts of 32 whose elements lie in the same 32 bytes, two bits each.
  @inline(__always) static func q2_K(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
    let scales = block.assumingMemoryBound(to: UInt8.self)
    let (d, dmin) = (half(block + 80), half(block + 82))
    for part in 0..<8 {
      let q = (block + 16 + part / 4 * 32).assumingMemoryBound(to: UInt8.self)
      let shift = UInt8(truncatingIfNeeded: part % 4 * 2)
      for i in 0..<32 {
        let packed = scales[part * 2 + i / 16]
        let (factor, offset) = (d * Float(Int32(packed & 15)), dmin * Float(Int32(packed >> 4)))
        output[part * 32 + i] = factor * Float(Int32(q[i] &>> shift & 3)) - offset
      }
    }
  }

  /// Third bits (4 is taken off where one is 0), 2-bit elements as in `q2_K`, sixteen 6-bit scales, d: element =
  /// (d·(scale − 32))·q.
  @inline(__always) static func q3_K(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
    let high = block.assumingMemoryBound(to: UInt8.self)
    let scales = (block + 96).assumingMemoryBound(to: UInt8.self)
    let d = half(block + 108)
    for part in 0..<8 {
      let q = (block + 32 + part / 4 * 32).assumingMemoryBound(to: UInt8.self)
      let (shift, bit) = (UInt8(truncatingIfNeeded: part % 4 * 2), UInt8(truncatingIfNeeded: part))
      for i in 0..<32 {
        let k = part * 2 + i / 16
        let low = scales[k % 8] &>> UInt8(truncatingIfNeeded: k / 8 * 4) & 15
        let upper = scales[8 + k % 4] &>> UInt8(truncatingIfNeeded: k / 4 * 2) & 3
        let factor = d * Float(Int32(low | upper << 4) - 32)
        let level = Int32(q[i] &>> shift & 3) - (high[i] &>> bit & 1 == 0 ? 4 : 0)
        output[part * 32 + i] = factor * Float(level)
      }
    }
  }

  /// d, then 32 elements of 4 bits, each the number of a level.
  @inline(__always) static func iq4_NL(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
    levels(block + 2, half(block), nonlinear, output)
  }

  /// d, eight 6-bit scales (two upper bits of each, then the lower four), elements as in `iq4_NL`: element =
  /// (d·(scale − 32))·level.
  @inline(__always) static func iq4_XS(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
    let d = half(block)
    let high = block.loadUnaligned(fromByteOffset: 2, as: UInt16.self)
    let low = (block + 4).assumingMemoryBound(to: UInt8.self)
    for part in 0..<8 {
      let lower = low[part / 2] &>> UInt8(truncatingIfNeeded: part % 2 * 4) & 15
      let upper = UInt8(truncatingIfNeeded: high &>> UInt16(truncatingIfNeeded: part * 2) & 3)
      let factor = d * Float(Int32(lower | upper << 4) - 32)
      levels(block + 8 + part * 16, factor, nonlinear, output + part * 32)
    }
  }

  /// A power of two, then 32 floats of 4 bits, whose doubles are whole.
  @inline(__always) static func mxfp4(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
    let exponent = UInt32(block.load(as: UInt8.self))
    let factor = Float(bitPattern: exponent < 2 ? 0x0020_0000 << exponent : (exponent - 1) << 23)
    levels(block + 1, factor, fourBitFloats, output)
  }

  private static let nonlinear: SIMD16<Float> = [
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
  ]
  private static let fourBitFloats: SIMD16<Float> = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]

  @inline(__always) private static func levels(
    _ bytes: UnsafeRawPointer, _ factor: Float, _ levels: SIMD16<Float>, _ output: UnsafeMutablePointer<Float>
  ) {
    let q = bytes.assumingMemoryBound(to: UInt8.self)
    for i in 0..<16 {
      output[i] = factor * levels[Int(q[i] & 15)]
      output[i + 16] = factor * levels[Int(q[i] >> 4)]
    }
  }
}
