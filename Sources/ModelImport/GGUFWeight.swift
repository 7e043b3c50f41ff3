// SPDX-License-Identifier: Apache-2.0
import Files

/// A tensor of a GGUF file, or a part of one, on its way into a safetensors file.
struct GGUFWeight: Sendable {
  let tensor: GGUFTensor
  /// Its name there.
  let name: String
  /// Its sizes there, outermost first.
  let shape: [Int]
  /// The first of its rows in the file.
  let firstRow: Int
  /// The number of heads, if its rows are in llama.cpp's order for rotary embedding, nil if in no special one.
  let rotaryHeads: Int?
  /// What the file's elements are larger by.
  let offset: Float

  /// The parameters that a tensor holds: one, or those of experts, one after the other.
  static func parts(of tensor: GGUFTensor, _ pairing: GGUFPairing) -> [GGUFWeight] {
    let shape = pairing.parameters.count == 1 ? pairing.shape : Array(pairing.shape.dropFirst())
    let rows = shape.dropLast().reduce(1, *)
    return pairing.parameters.enumerated().map { index, name in
      GGUFWeight(
        tensor: tensor, name: name, shape: shape, firstRow: index * rows, rotaryHeads: pairing.rotaryHeads,
        offset: pairing.offset)
    }
  }

  /// The number of elements.
  var count: Int { shape.reduce(1, *) }

  /// Elements that are made at a time.
  private static let pieceLength = 1 << 23

  /// The tensor as floats of the given precision, made piece by piece.
  ///
  /// - Parameter progress: called with the number of elements done since the last call.
  func source(_ precision: GGUFImport.Precision, progress: @escaping (Int) -> Void) -> SafetensorsSource {
    SafetensorsSource(name: name, type: precision.safetensorsType, shape: shape) { sink in
      let (rows, length) = isVector ? (count, 1) : (count / tensor.rowLength, tensor.rowLength)
      let rowsPerPiece = max(1, Self.pieceLength / length)
      var start = 0
      while start < rows {
        let piece = try floats(start..<min(rows, start + rowsPerPiece))
        switch precision {
        case .f32: try piece.withUnsafeBytes(sink)
        case .bf16: try halves(of: piece, infinity: 0x7F80) { bfloat16Bits($0) }.withUnsafeBytes(sink)
        case .f16: try halves(of: piece, infinity: 0x7C00) { Float16($0).bitPattern }.withUnsafeBytes(sink)
        }
        start += rowsPerPiece
        progress(piece.count)
      }
      try tensor.file.checkUnchanged()
    }
  }

  private var isVector: Bool { tensor.shape.count == 1 }

  /// Rows (of a vector, elements) in Hugging Face's order.
  private func floats(_ range: Range<Int>) throws(InputError) -> [Float] {
    var floats: [Float]
    if isVector {
      let all = tensor.floats()
      floats = range.map { all[row($0)] }
    } else {
      let count = range.count * tensor.rowLength
      floats = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
        let start = range.lowerBound
        tensor.dequantizeRows(
          range.count, row: { row(start + $0) }, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
        initialized = count
      }
    }
    if offset != 0 { for index in floats.indices { floats[index] -= offset } }
    if let index = firstNotFinite(floats) { throw notFinite(floats[index], at: range.lowerBound, index) }
    return floats
  }

  /// The row in the file for a row of the result.
  ///
  /// Rotary embedding turns pairs of a head's elements. Hugging Face pairs element i with i + width / 2; llama.cpp pairs
  /// neighbours, so its converter has moved row (head, half, i) to (head, i, half). This is undone here.
  private func row(_ row: Int) -> Int {
    guard let rotaryHeads else { return firstRow + row }
    let width = (isVector ? tensor.count : tensor.rowCount) / rotaryHeads
    let (head, inHead) = (row / width, row % width)
    let (half, index) = (inHead / (width / 2), inHead % (width / 2))
    return head * width + 2 * index + half
  }

  private func notFinite(_ value: Float, at start: Int, _ index: Int) -> InputError {
    let length = isVector ? 1 : tensor.rowLength
    return InputError(
      path: tensor.file.path,
      place: "tensor \(tensor.name), row \(row(start + index / length)), column \(index % length)",
      expected: "finite weights", found: "\(value)", remedy: "The file is damaged, or the model diverged in training.")
  }

  /// The floats in a 16-bit format, whose pattern for a value too large is `infinity`.
  private func halves(
    of floats: [Float], infinity: UInt16, _ convert: @Sendable (Float) -> UInt16
  ) throws(InputError) -> [UInt16] {
    let halves = [UInt16](unsafeUninitializedCapacity: floats.count) { buffer, initialized in
      nonisolated(unsafe) let buffer = buffer
      let share = (floats.count + 15) / 16
      Threads.perform(16) { part in
        for index in min(floats.count, part * share)..<min(floats.count, (part + 1) * share) {
          buffer[index] = convert(floats[index])
        }
      }
      initialized = floats.count
    }
    if let index = halves.firstIndex(where: { $0 & 0x7FFF == infinity }) {
      throw InputError(
        path: tensor.file.path, place: "tensor \(tensor.name)", expected: "weights within the range of the format",
        found: "\(floats[index])", remedy: "Choose f32 or bf16.")
    }
    return halves
  }
}

private func firstNotFinite(_ floats: [Float]) -> Int? {
  // The largest magnitude is quickly found, and tells whether to look closer.
  var largest: UInt32 = 0
  for float in floats { largest = max(largest, float.bitPattern & 0x7FFF_FFFF) }
  return largest < Float.infinity.bitPattern ? nil : floats.firstIndex { !$0.isFinite }
}
