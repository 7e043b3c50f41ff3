// SPDX-License-Identifier: Apache-2.0
/// The "K" formats, blocks of 256 that are divided again, each part with its own integer scale.
enum Blocks256 {
  /// d, dmin, eight 6-bit scales and minima, 4-bit elements: element = (d·scale)·q − (dmin·min).
  ///
  /// 32 bytes hold two parts of 32, the first in their lower halves.
  @inline(__always) static func q4_K(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
    let (d, dmin) = (half(block), half(block + 2))
    let q = (block + 16).assumingMemoryBound(to: UInt8.self)
    for part in 0..<8 {
      let (scale, minimum) = sixBits(block + 4, part)
      let (factor, offset) = (d * Float(scale), dmin * Float(minimum))
      let (bytes, shift) = (q + part / 2 * 32, UInt8(truncatingIfNeeded: part & 1) * 4)
      let output = output + part * 32
      for i in 0..<32 { output[i] = factor * Float(Int32(bytes[i] &>> shift & 15)) - offset }
    }
  }

  /// As `q4_K`, with the fifth bits of the eight parts in the eight bits of 32 bytes.
  @inline(__always) static func q5_K(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
    let (d, dmin) = (half(block), half(block + 2))
    let high = (block + 16).assumingMemoryBound(to: UInt8.self)
    let q = (block + 48).assumingMemoryBound(to: UInt8.self)
    for part in 0..<8 {
      let (scale, minimum) = sixBits(block + 4, part)
      let (factor, offset) = (d * Float(scale), dmin * Float(minimum))
      let (bytes, shift) = (q + part / 2 * 32, UInt8(truncatingIfNeeded: part & 1) * 4)
      let bit = UInt8(truncatingIfNeeded: part)
      let output = output + part * 32
      for i in 0..<32 {
        output[i] = factor * Float(Int32(bytes[i] &>> shift & 15 | (high[i] &>> bit & 1) << 4)) - offset
      }
    }
  }

  /// Lower four bits, upper two, sixteen 8-bit scales, d: element = (d·scale)·(q − 32).
  ///
  /// Each half of the block is four parts of 32; 64 bytes hold their lower bits, the first two parts in the lower
  /// halves, and 32 bytes their upper bits, two for each part.
  @inline(__always) static func q6_K(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
    let scales = (block + 192).assumingMemoryBound(to: Int8.self)
    let d = half(block + 208)
    for part in 0..<8 {
      let (side, quarter) = (part / 4, part % 4)
      let low = (block + side * 64 + quarter % 2 * 32).assumingMemoryBound(to: UInt8.self)
      let high = (block + 128 + side * 32).assumingMemoryBound(to: UInt8.self)
      let (lowShift, highShift) = (UInt8(quarter / 2 * 4), UInt8(quarter * 2))
      let output = output + part * 32
      for i in 0..<32 {
        let factor = d * Float(Int32(scales[part * 2 + i / 16]))
        let q = Int32(low[i] &>> lowShift & 15 | (high[i] &>> highShift & 3) << 4) - 32
        output[i] = factor * Float(q)
      }
    }
  }

  /// The scale and the minimum of a part, packed into 12 bytes: the first four parts' lie whole in the lower six bits
  /// of bytes 0–3 and 4–7; the others' have their lower bits in bytes 8–11 and their upper two where room was left.
  @inline(__always) private static func sixBits(_ bytes: UnsafeRawPointer, _ part: Int) -> (Int32, Int32) {
    let b = bytes.assumingMemoryBound(to: UInt8.self)
    if part < 4 { return (Int32(b[part] & 63), Int32(b[part + 4] & 63)) }
    let (scale, minimum, low) = (b[part - 4], b[part], b[part + 4])
    return (Int32(low & 15 | (scale >> 6) << 4), Int32(low >> 4 | (minimum >> 6) << 4))
  }
}
