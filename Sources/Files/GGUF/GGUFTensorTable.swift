// SPDX-License-Identifier: Apache-2.0
extension GGUFFile {
  /// What the table says of a tensor before it is known where the data begins.
  private struct Row {
    var name: String
    var type: GGUFType
    var shape: [Int]
    var byteCount: Int
    var offset: UInt64
  }

  static func tensors(
    count: UInt64, _ cursor: inout GGUFCursor, alignment: Int
  ) throws(InputError) -> (tensors: [GGUFTensor], indices: [String: Int]) {
    var rows: [Row] = []
    for index in 0..<count {
      cursor.place = "tensor number \(index + 1)"
      rows.append(try row(&cursor))
    }
    var tensors: [GGUFTensor] = []
    var indices: [String: Int] = [:]
    let file = cursor.file
    var end = padded(cursor.position, to: alignment)
    let dataStart = end
    for row in rows {
      let place = "tensor \(row.name)"
      // ggml demands the same: one tensor after the other, each start aligned.
      guard row.offset == end - dataStart else {
        throw InputError(
          path: file.path, place: place, expected: "offset \(end - dataStart), where the last tensor ended",
          found: "offset \(row.offset)")
      }
      guard end <= file.unsafeBytes.count, row.byteCount <= file.unsafeBytes.count - end else {
        throw InputError(
          path: file.path, place: place, expected: "\(row.byteCount) bytes at \(end)",
          found: "the end of the file at \(file.unsafeBytes.count)", remedy: "Is it cut off?")
      }
      guard indices.updateValue(tensors.count, forKey: row.name) == nil else {
        throw InputError(path: file.path, place: place, expected: "each name once", found: "it again")
      }
      tensors.append(
        GGUFTensor(
          name: row.name, type: row.type, shape: row.shape, range: end..<end + row.byteCount, file: file))
      end = padded(end + row.byteCount, to: alignment)
    }
    return (tensors, indices)
  }

  private static func row(_ cursor: inout GGUFCursor) throws(InputError) -> Row {
    let name = try cursor.string()
    cursor.place = "tensor \(name)"
    let dimensions = try cursor.integer(UInt32.self)
    guard (1...4).contains(dimensions) else {
      throw cursor.error(expected: "1 to 4 dimensions", found: "\(dimensions)")
    }
    var shape: [Int] = []
    for _ in 0..<dimensions {
      let size = try cursor.integer(UInt64.self)
      guard let size = Int(exactly: size), size > 0 else {
        throw cursor.error(expected: "a size of 1 or more", found: "\(size)")
      }
      shape.insert(size, at: 0)
    }
    let number = try cursor.integer(UInt32.self)
    guard let type = GGUFType(rawValue: number) else {
      let known = GGUFType.allCases.map(\.name).joined(separator: " ")
      throw cursor.error(
        expected: "one of \(known)", found: GGUFType.names[number] ?? "type \(number)",
        remedy: "Take another quantisation of the model.")
    }
    guard shape.last! % type.blockLength == 0 else {
      throw cursor.error(expected: "rows of a multiple of \(type.blockLength) elements", found: "\(shape.last!)")
    }
    guard let bytes = byteCount(of: shape, elementBytes: type.blockBytes).map({ $0 / type.blockLength }) else {
      throw cursor.error(expected: "a tensor that fits a file", found: "shape \(shape)")
    }
    return Row(
      name: name, type: type, shape: shape, byteCount: bytes, offset: try cursor.integer(UInt64.self))
  }

  private static func padded(_ position: Int, to alignment: Int) -> Int {
    (position + alignment - 1) / alignment * alignment
  }
}
