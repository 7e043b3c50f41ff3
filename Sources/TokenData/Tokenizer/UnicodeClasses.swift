// SPDX-License-Identifier: Apache-2.0
/// Properties of one scalar: its general category and flags, as the generated tables know them.
struct ScalarClass {
  let bits: UInt16

  /// One bit of 30, in the order of `ScalarClass.categories`.
  @inline(__always) var category: UInt32 { 1 << UInt32(bits & 31) }
  /// White_Space.
  @inline(__always) var isSpace: Bool { bits & 1 << 5 != 0 }
  /// Oniguruma's `\w`.
  @inline(__always) var isWord: Bool { bits & 1 << 6 != 0 }
  /// Script Han.
  @inline(__always) var isHan: Bool { bits & 1 << 7 != 0 }
  /// Rust's `char::is_numeric`, which the Digits pre-tokenizer asks.
  @inline(__always) var isNumeric: Bool { bits & 1 << 8 != 0 }
  /// `\w` of Rust's regex, which whole-word added tokens and the Whitespace pre-tokenizer ask.
  @inline(__always) var isRustWord: Bool { bits & 1 << 9 != 0 }
  /// What the Punctuation pre-tokenizer isolates.
  @inline(__always) var isPunctuation: Bool { bits & 1 << 10 != 0 }
  /// Characters that StripAccents removes.
  @inline(__always) var isMark: Bool { bits & 1 << 11 != 0 }
  /// Characters that BertNormalizer removes when it cleans text.
  @inline(__always) var isRemovedByBert: Bool { bits & 1 << 12 != 0 }
  /// Marks that BertNormalizer removes with accents: of an older Unicode than those of StripAccents.
  @inline(__always) var isAccent: Bool { bits & 1 << 13 != 0 }

  /// Names of the general categories; position = bit.
  static let categories = [
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm",
    "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn",
  ]
  static let letters: UInt32 = 0b1_1111
  static let numbers: UInt32 = 0b111 << 8

  /// The bits of a category (`Nd`) or of a group of them (`N`); nil if there is none of that name.
  static func mask(named name: String) -> UInt32? {
    var mask: UInt32 = 0
    for (bit, category) in categories.enumerated()
    where category == name || (name.count == 1 && category.first! == name.first!) {
      mask |= 1 << UInt32(bit)
    }
    return mask == 0 ? nil : mask
  }
}

/// The class of every scalar: an index of blocks of 256, equal blocks stored once.
///
/// Memory is kept for the life of the process and never written after `init`, so threads may share it.
struct UnicodeClasses: @unchecked Sendable {
  private let index: UnsafePointer<UInt16>
  private let blocks: UnsafePointer<UInt16>

  static let shared = UnicodeClasses()

  private init() {
    var reader = Base32Reader(UnicodeClassTables.runs)
    let index = UnsafeMutablePointer<UInt16>.allocate(capacity: 0x1100)
    var blocks: [UInt16] = []
    var uniform: [UInt16: UInt16] = [:]  // class → block filled with it
    var left = 0
    var value: UInt16 = 0
    for block in 0..<0x1100 {
      if left == 0, let length = reader.next() {
        left = length
        value = UnicodeClassTables.palette[reader.next()!]
      }
      if left >= 256 {
        left -= 256
        if let known = uniform[value] {
          index[block] = known
          continue
        }
        uniform[value] = UInt16(blocks.count / 256)
        index[block] = UInt16(blocks.count / 256)
        blocks.append(contentsOf: repeatElement(value, count: 256))
        continue
      }
      index[block] = UInt16(blocks.count / 256)
      for _ in 0..<256 {
        if left == 0, let length = reader.next() {
          left = length
          value = UnicodeClassTables.palette[reader.next()!]
        }
        left -= 1
        blocks.append(value)
      }
    }
    let copy = UnsafeMutablePointer<UInt16>.allocate(capacity: blocks.count)
    copy.initialize(from: blocks, count: blocks.count)
    self.index = UnsafePointer(index)
    self.blocks = UnsafePointer(copy)
  }

  /// The class of a scalar value (below 0x110000).
  @inline(__always) subscript(scalar: UInt32) -> ScalarClass {
    ScalarClass(bits: blocks[Int(index[Int(scalar >> 8)]) << 8 | Int(scalar & 255)])
  }
}

/// Reads the numbers of a generated table (scripts/make-unicode-tables.py says how they are written).
struct Base32Reader {
  private var bytes: UnsafeBufferPointer<UInt8>.Iterator

  init(_ table: StaticString) {
    bytes = UnsafeBufferPointer(start: table.utf8Start, count: table.utf8CodeUnitCount).makeIterator()
  }

  mutating func next() -> Int? {
    var number = 0
    var shift = 0
    while let byte = bytes.next() {
      let digit =
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 36
        case UInt8(ascii: "-"): UInt8(62)
        default: UInt8(63)
        }
      number |= Int(digit & 31) << shift
      if digit < 32 { return number }
      shift += 5
    }
    return nil
  }
}

/// UTF-8 known to be valid, read scalar by scalar.
typealias UTF8Bytes = UnsafeBufferPointer<UInt8>

extension UnsafeBufferPointer where Element == UInt8 {
  /// The scalar that begins at `position`, and the number of its bytes.
  @inline(__always) func scalar(at position: Int) -> (value: UInt32, length: Int) {
    let base = baseAddress! + position
    let first = UInt32(base[0])
    if first < 0x80 { return (first, 1) }
    let second = UInt32(base[1] & 0x3F)
    if first < 0xE0 { return ((first & 0x1F) << 6 | second, 2) }
    let third = UInt32(base[2] & 0x3F)
    if first < 0xF0 { return ((first & 0x0F) << 12 | second << 6 | third, 3) }
    return ((first & 0x07) << 18 | second << 12 | third << 6 | UInt32(base[3] & 0x3F), 4)
  }

  /// Where the scalar begins that ends at `position`.
  @inline(__always) func scalarStart(before position: Int) -> Int {
    var start = position - 1
    while self[start] & 0xC0 == 0x80 { start -= 1 }
    return start
  }
}

extension [UInt8] {
  /// Appends the UTF-8 of a scalar value.
  @inline(__always) mutating func append(scalar: UInt32) {
    switch scalar {
    case 0..<0x80: append(UInt8(scalar))
    case 0x80..<0x800: append(contentsOf: [UInt8(0xC0 | scalar >> 6), UInt8(0x80 | scalar & 0x3F)])
    case 0x800..<0x10000:
      append(contentsOf: [UInt8(0xE0 | scalar >> 12), UInt8(0x80 | scalar >> 6 & 0x3F), UInt8(0x80 | scalar & 0x3F)])
    default:
      append(contentsOf: [
        UInt8(0xF0 | scalar >> 18), UInt8(0x80 | scalar >> 12 & 0x3F), UInt8(0x80 | scalar >> 6 & 0x3F),
        UInt8(0x80 | scalar & 0x3F),
      ])
    }
  }
}
