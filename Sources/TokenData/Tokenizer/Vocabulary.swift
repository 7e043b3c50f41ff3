// SPDX-License-Identifier: Apache-2.0
import Files

/// The tokens of a model: their text by id, their ids by text.
///
/// All text lies in one array, and the index is one flat table, so 128,000 tokens load in a few milliseconds.
struct Vocabulary: Sendable {
  private var text: [UInt8] = []
  /// Where each token's text begins, and its length; −1 for ids that are not used.
  private var starts: [Int32] = []
  private var lengths: [Int32] = []
  /// Open addressing: id + 1, 0 = empty.
  private var table: [Int32]
  private let mask: Int

  /// Bytes of a token at most: generated text takes as many times its length in memory.
  static let longestToken = 8192

  /// Ids are 0 ..< count; some may be unused.
  var count: Int { starts.count }
  /// How many tokens there are.
  private(set) var tokenCount = 0

  /// Room for `capacity` tokens.
  init(capacity: Int) {
    var size = 16
    while size < 2 * capacity { size *= 2 }
    table = [Int32](repeating: 0, count: size)
    mask = size - 1
  }

  /// Reads `{"token": id, …}`.
  init(_ json: JSONReader) throws(InputError) {
    let members = try json.object().members
    self.init(capacity: members.count)
    // Holes are legal, but a single huge id must not allocate memory for all below it.
    let limit = 2 * members.count + 65_536
    for (token, value) in members {
      guard token.utf8.count <= Self.longestToken else { throw json.child(token, value).tokenTooLong }
      guard case .int(let id) = value, id >= 0, id < limit else {
        throw json.child(token, value).error(expected: "an id, 0 ..< \(limit)")
      }
      guard insert(token, id: Int32(id)) else {
        throw json.child(token, value).error(expected: "each id once", found: "id \(id) a second time")
      }
    }
  }

  /// Adds a token with the next id. Of a text that is there already, the new id counts.
  mutating func append(_ token: String) {
    var token = token
    let place = token.withUTF8 { slot(of: $0) }
    starts.append(Int32(text.count))
    lengths.append(Int32(token.utf8.count))
    text.append(contentsOf: token.utf8)
    table[place] = Int32(starts.count)
    tokenCount += 1
  }

  /// Adds a token whose text is new; says whether its id is, too.
  private mutating func insert(_ token: String, id: Int32) -> Bool {
    if Int(id) < starts.count, starts[Int(id)] >= 0 { return false }
    var token = token
    let place = token.withUTF8 { slot(of: $0) }
    while starts.count <= Int(id) {
      starts.append(-1)
      lengths.append(0)
    }
    starts[Int(id)] = Int32(text.count)
    lengths[Int(id)] = Int32(token.utf8.count)
    text.append(contentsOf: token.utf8)
    table[place] = id + 1
    tokenCount += 1
    return true
  }

  /// The id of a token; nil if there is none of that text.
  @inline(__always) func id(of token: UTF8Bytes) -> Int32? {
    let entry = table[slot(of: token)]
    return entry == 0 ? nil : entry - 1
  }

  /// The id of a token; nil if there is none of that text.
  func id(of token: String) -> Int32? {
    var token = token
    return token.withUTF8 { id(of: $0) }
  }

  /// The UTF-8 of a token; nil if the id is not used.
  func bytes(of id: Int32) -> ArraySlice<UInt8>? {
    guard id >= 0, Int(id) < starts.count, starts[Int(id)] >= 0 else { return nil }
    let start = Int(starts[Int(id)])
    return text[start..<start + Int(lengths[Int(id)])]
  }

  /// The text of a token; nil if the id is not used.
  func string(of id: Int32) -> String? { bytes(of: id).map { String(decoding: $0, as: UTF8.self) } }

  private func slot(of token: UTF8Bytes) -> Int {
    var slot = Int(truncatingIfNeeded: byteHash(token)) & mask
    while case let entry = table[slot], entry != 0, !isText(of: entry - 1, token) { slot = (slot + 1) & mask }
    return slot
  }

  private func isText(of id: Int32, _ token: UTF8Bytes) -> Bool {
    guard Int(lengths[Int(id)]) == token.count else { return false }
    let start = Int(starts[Int(id)])
    return text.withUnsafeBufferPointer { text in
      for offset in 0..<token.count where text[start + offset] != token[offset] { return false }
      return true
    }
  }
}

/// A quick hash of a few bytes: eight at a time, each folded by a 128-bit product.
@inline(__always) func byteHash(_ bytes: UTF8Bytes) -> UInt64 {
  let raw = UnsafeRawBufferPointer(bytes)
  let count = raw.count
  func fold(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
    return product.high ^ product.low
  }
  var hash = UInt64(count) &* 0xD6E8_FEB8_6659_FD93
  if count < 8 {
    guard count > 0 else { return 0 }
    if count >= 4 {
      let low = UInt64(raw.loadUnaligned(as: UInt32.self))
      return fold(hash ^ (low | UInt64(raw.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)) << 32))
    }
    return fold(hash ^ (UInt64(raw[0]) | UInt64(raw[count / 2]) << 8 | UInt64(raw[count - 1]) << 16 | 1 << 24))
  }
  var offset = 0
  while offset + 8 < count {
    hash = fold(hash ^ raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    offset += 8
  }
  return fold(hash ^ raw.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self))
}

/// GPT-2's characters for bytes: a byte that is visible stands for itself, the others for U+0100 and after.
enum ByteAlphabet {
  /// The character of each byte.
  static let scalars: [UInt32] = {
    var hidden: UInt32 = 0x100
    return (0..<256).map { (byte: UInt32) in
      if (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte) { return byte }
      defer { hidden += 1 }
      return hidden
    }
  }()

  private static let bytes: [UInt8?] = {
    var bytes = [UInt8?](repeating: nil, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = UInt8(byte) }
    return bytes
  }()

  /// The bytes that a token of the alphabet stands for; nil if it has any other character.
  static func decode(_ token: ArraySlice<UInt8>) -> [UInt8]? {
    token.withUnsafeBufferPointer { token in
      var result: [UInt8] = []
      result.reserveCapacity(token.count)
      var position = 0
      while position < token.count {
        let (scalar, length) = token.scalar(at: position)
        guard scalar < 0x144, let byte = bytes[Int(scalar)] else { return nil }
        result.append(byte)
        position += length
      }
      return result
    }
  }

  /// Bytes written in the alphabet.
  static func encode(_ word: UTF8Bytes) -> [UInt8] {
    var result: [UInt8] = []
    for byte in word { result.append(scalar: scalars[Int(byte)]) }
    return result
  }
}

extension JSONReader {
  /// What is said of a token that is longer than ``Vocabulary/longestToken``.
  var tokenTooLong: InputError {
    error(expected: "tokens of at most \(Vocabulary.longestToken) bytes", found: "a longer one")
  }
}
