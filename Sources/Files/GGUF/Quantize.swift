// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension GGUFType {
  /// Rows in this format, made on several threads.
  ///
  /// F32, F16, BF16, Q8_0, Q5_0 and Q5_1 are equal bit for bit to `gguf.quantize` of the gguf package. The K formats, for which
  /// that package has no writer, choose scales as ggml does, by least squares (`QuantizeK.swift`).
  ///
  /// - Parameter rows: whole blocks of finite floats.
  /// - Precondition: the format can be written (``isWritable``).
  public func quantized(_ rows: UnsafeBufferPointer<Float>) -> [UInt8] {
    precondition(rows.count % blockLength == 0 && isWritable)
    let blocks = rows.count / blockLength
    let size = blocks * blockBytes
    return [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
      initialized = size
      guard blocks > 0 else { return }
      nonisolated(unsafe) let (input, output) = (rows.baseAddress!, UnsafeMutableRawPointer(buffer.baseAddress!))
      // Pieces large enough to be worth a thread.
      let perPiece = max(1, (1 << 14) / blockLength)
      Threads.perform((blocks + perPiece - 1) / perPiece) { piece in
        for block in piece * perPiece..<min(blocks, (piece + 1) * perPiece) {
          quantize(input + block * blockLength, into: output + block * blockBytes)
        }
      }
    }
  }

  /// Whether floats can be brought into the format here.
  public var isWritable: Bool {
    switch self {
    case .f32, .f16, .bf16, .q8_0, .q5_0, .q5_1, .q4_K, .q5_K, .q6_K: true
    default: false
    }
  }

  /// Writes one block.
  private func quantize(_ x: UnsafePointer<Float>, into block: UnsafeMutableRawPointer) {
    switch self {
    case .f32: block.storeBytes(of: x[0].bitPattern.littleEndian, as: UInt32.self)
    case .f16: storeHalf(x[0], block)
    case .bf16: block.storeBytes(of: bfloat16Bits(x[0]).littleEndian, as: UInt16.self)
    case .q8_0: quantizeQ8_0(x, block)
    case .q5_0: quantizeQ5_0(x, block)
    case .q5_1: quantizeQ5_1(x, block)
    case .q4_K, .q5_K: quantizeWithMinima(x, block, bits: self == .q4_K ? 4 : 5)
    case .q6_K: quantizeQ6_K(x, block)
    default: preconditionFailure("\(name) cannot be written")
    }
  }
}

/// The upper half of a single, rounded to nearest, ties to even.
public func bfloat16Bits(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
}

/// 1/d; 0 for a scale so small that it has none, elements of which become 0.
private func reciprocal(_ d: Float) -> Float {
  let inverse = 1 / d
  return inverse.isFinite ? inverse : 0
}

@inline(__always) func storeHalf(_ value: Float, _ bytes: UnsafeMutableRawPointer) {
  bytes.storeBytes(of: Float16(value).bitPattern.littleEndian, as: UInt16.self)
}

/// Scale d = max|x| / 127; q = x/d, halves away from 0.
private func quantizeQ8_0(_ x: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
  var largest: Float = 0
  for i in 0..<32 { largest = max(largest, abs(x[i])) }
  let d = largest / 127
  let inverse = reciprocal(d)
  storeHalf(d, block)
  let q = (block + 2).assumingMemoryBound(to: Int8.self)
  for i in 0..<32 {
    let quotient = (x[i] * inverse).rounded(.toNearestOrAwayFromZero)
    q[i] = Int8(min(127, max(-127, quotient)))  // of finite x it is within anyway
  }
}

/// Scale d = m / −16 where m is the element of the largest magnitude; q = ⌊x/d + 16.5⌋ of 0 … 31.
private func quantizeQ5_0(_ x: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
  var largest: Float = 0
  for i in 0..<32 where abs(x[i]) > abs(largest) { largest = x[i] }
  let d = largest / -16
  let inverse = reciprocal(d)
  storeHalf(d, block)
  storeFiveBits(block + 2) { x[$0] * inverse + 16.5 }
}

/// Minimum m and scale d = (M − m) / 31 for the largest element M; q = ⌊(x − m)/d + 0.5⌋ of 0 … 31.
private func quantizeQ5_1(_ x: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
  var lowest = x[0], highest = x[0]
  for i in 1..<32 { (lowest, highest) = (min(lowest, x[i]), max(highest, x[i])) }
  let d = (highest - lowest) / 31
  let inverse = reciprocal(d)
  storeHalf(d, block)
  storeHalf(lowest, block + 2)
  storeFiveBits(block + 4) { (x[$0] - lowest) * inverse + 0.5 }
}

/// Writes 32 elements, their values cut to whole numbers of 0 … 31: a word of upper bits, then the lower ones.
private func storeFiveBits(_ block: UnsafeMutableRawPointer, _ value: (Int) -> Float) {
  var high: UInt32 = 0
  let q = (block + 4).assumingMemoryBound(to: UInt8.self)
  func lower(_ i: Int) -> UInt32 {
    let level = UInt32(min(31, max(0, value(i))))
    high |= (level >> 4) << UInt32(truncatingIfNeeded: i)
    return level & 15
  }
  for i in 0..<16 { q[i] = UInt8(truncatingIfNeeded: lower(i) | lower(i + 16) << 4) }
  block.storeBytes(of: high.littleEndian, as: UInt32.self)
}
