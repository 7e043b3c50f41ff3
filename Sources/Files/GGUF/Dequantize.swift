// SPDX-License-Identifier: Apache-2.0
extension GGUFTensor {
  /// Writes rows of the tensor as floats, in any order; equal bit for bit to `gguf.dequantize` of the gguf package.
  ///
  /// - Parameters:
  ///   - count: how many rows to write.
  ///   - row: the row of the tensor (0 to `rowCount - 1`) that becomes the n-th one written. Called on several threads.
  ///   - output: `[count, rowLength]` floats.
  public func dequantizeRows(
    _ count: Int, row: @Sendable (Int) -> Int = { $0 }, into output: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(output.count == count * rowLength)
    guard count > 0 else { return }
    let blocks = rowLength / type.blockLength
    nonisolated(unsafe) let bytes = file.unsafeBytes.baseAddress! + range.lowerBound
    nonisolated(unsafe) let output = output.baseAddress!
    // Pieces large enough to be worth a thread, several of them for each so that all end at about the same time.
    let rowsPerPiece = max(1, (1 << 16) / rowLength)
    let pieces = (count + rowsPerPiece - 1) / rowsPerPiece
    Threads.perform(pieces) { piece in
      for index in piece * rowsPerPiece..<min(count, (piece + 1) * rowsPerPiece) {
        let source = row(index)
        precondition((0..<rowCount).contains(source))
        type.dequantize(bytes + source * blocks * type.blockBytes, blocks: blocks, into: output + index * rowLength)
      }
    }
  }

  /// All elements as floats, in row-major order.
  public func floats() -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      dequantizeRows(rowCount, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      initialized = count
    }
  }
}

extension GGUFType {
  /// Writes blocks as floats. The order of the operations is that of ggml, so that the rounding is too.
  func dequantize(_ bytes: UnsafeRawPointer, blocks: Int, into output: UnsafeMutablePointer<Float>) {
    if blockLength == 1 {
      dequantizeElements(bytes, count: blocks, into: output)
      return
    }
    for index in 0..<blocks {
      let block = bytes + index * blockBytes
      let output = output + index * blockLength
      switch self {
      case .f32, .f16, .bf16: preconditionFailure("has no blocks")
      case .q4_0: Blocks32.q4_0(block, output)
      case .q4_1: Blocks32.q4_1(block, output)
      case .q5_0: Blocks32.q5_0(block, output)
      case .q5_1: Blocks32.q5_1(block, output)
      case .q8_0: Blocks32.q8_0(block, output)
      case .q4_K: Blocks256.q4_K(block, output)
      case .q5_K: Blocks256.q5_K(block, output)
      case .q6_K: Blocks256.q6_K(block, output)
      case .q2_K: BlocksSmall.q2_K(block, output)
      case .q3_K: BlocksSmall.q3_K(block, output)
      case .iq4_NL: BlocksSmall.iq4_NL(block, output)
      case .iq4_XS: BlocksSmall.iq4_XS(block, output)
      case .mxfp4: BlocksSmall.mxfp4(block, output)
      }
    }
  }

  private func dequantizeElements(_ bytes: UnsafeRawPointer, count: Int, into output: UnsafeMutablePointer<Float>) {
    switch self {
    case .f32: UnsafeMutableRawPointer(output).copyMemory(from: bytes, byteCount: count * 4)
    case .f16:
      for index in 0..<count { output[index] = half(bytes + 2 * index) }
    default:
      for index in 0..<count {
        output[index] = Float(bitPattern: UInt32(bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)) << 16)
      }
    }
  }
}

/// The half-precision number at an address.
@inline(__always) func half(_ bytes: UnsafeRawPointer) -> Float {
  Float(Float16(bitPattern: bytes.loadUnaligned(as: UInt16.self)))
}

/// The formats with blocks of 32: half-precision scale d, then for some a minimum m; element = d·q, or d·q + m.
///
/// Byte i of the 4-bit part holds element i in its lower half and element i + 16 in its upper one.
private enum Blocks32 {
  @inline(__always) static func q4_0(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
    let d = half(block)
    let q = (block + 2).assumingMemoryBound(to: UInt8.self)
    for i in 0..<16 {
      output[i] = d * Float(Int32(q[i] & 15) - 8)
      output[i + 16] = d * Float(Int32(q[i] >> 4) - 8)
    }
  }

  @inline(__always) static func q4_1(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
    let (d, m) = (half(block), half(block + 2))
    let q = (block + 4).assumingMemoryBound(to: UInt8.self)
    for i in 0..<16 {
      output[i] = d * Float(Int32(q[i] & 15)) + m
      output[i + 16] = d * Float(Int32(q[i] >> 4)) + m
    }
  }

  /// The fifth bits are one word: bit i belongs to element i.
  @inline(__always) static func q5_0(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
    let d = half(block)
    let high = UInt32(littleEndian: block.loadUnaligned(fromByteOffset: 2, as: UInt32.self))
    let q = (block + 6).assumingMemoryBound(to: UInt8.self)
    for i in 0..<16 {
      output[i] = d * Float(fiveBits(q[i] & 15, high, i) - 16)
      output[i + 16] = d * Float(fiveBits(q[i] >> 4, high, i + 16) - 16)
    }
  }

  @inline(__always) static func q5_1(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
    let (d, m) = (half(block), half(block + 2))
    let high = UInt32(littleEndian: block.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
    let q = (block + 8).assumingMemoryBound(to: UInt8.self)
    for i in 0..<16 {
      output[i] = d * Float(fiveBits(q[i] & 15, high, i)) + m
      output[i + 16] = d * Float(fiveBits(q[i] >> 4, high, i + 16)) + m
    }
  }

  @inline(__always) static func q8_0(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
    let d = half(block)
    let q = (block + 2).assumingMemoryBound(to: Int8.self)
    for i in 0..<32 { output[i] = Float(Int32(q[i])) * d }
  }

  @inline(__always) private static func fiveBits(_ low: UInt8, _ high: UInt32, _ index: Int) -> Int32 {
    Int32(low) | Int32(truncatingIfNeeded: (high &>> UInt32(truncatingIfNeeded: index) & 1) << 4)
  }
}
