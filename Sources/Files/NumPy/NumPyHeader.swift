// SPDX-License-Identifier: Apache-2.0
/// Header of NumPy's format: their type and the sizes of the array.
///
/// The format (numpy.lib.format): the bytes `93 NUMPY`, the version's two numbers, the length of the rest (2 bytes in
/// version 1, 4 in versions 2 and 3, little-endian), and a Python dictionary of `descr`, `fortran_order` and `shape`,
/// padded with spaces so that the elements begin at a multiple of 64 bytes.
struct NumPyHeader: Hashable {
  /// The type of the elements.
  var type: NumPyType
  /// Sizes, outermost first; empty for a scalar.
  var shape: [Int]

  /// The first bytes of every file.
  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  /// Longest dictionary that is read: NumPy itself refuses longer ones.
  private static let longest = 10_000

  /// Bytes that all elements take.
  var byteCount: Int {
    guard let count = Files.byteCount(of: shape, elementBytes: type.byteCount) else {
      preconditionFailure("an array of shape \(shape) is larger than any file")
    }
    return count
  }

  init(type: NumPyType, shape: [Int]) { (self.type, self.shape) = (type, shape) }

  /// Reads the header.
  ///
  /// - Parameters:
  ///   - place: the array's name in an archive, for errors.
  ///   - read: gives the next bytes, exactly so many.
  init(path: String, place: String, read: (Int) throws(InputError) -> [UInt8]) throws(InputError) {
    func error(_ expected: String, _ found: String, _ remedy: String = "") -> InputError {
      InputError(path: path, place: place, expected: expected, found: found, remedy: remedy)
    }
    let start = try read(8)
    guard start.starts(with: Self.magic) else { throw error("an array in NumPy's format (.npy)", "other first bytes") }
    let length: Int
    switch start[6] {
    case 1: length = Self.number(try read(2))
    case 2, 3: length = Self.number(try read(4))
    default: throw error("version 1, 2 or 3 of NumPy's format", "\(start[6])")
    }
    guard length <= Self.longest else { throw error("a header of at most \(Self.longest) bytes", "\(length)") }
    let text = try read(length)
    guard let fields = PythonDictionary(text) else {
      throw error(
        "a dictionary of descr, fortran_order and shape", "“\(String(decoding: text.prefix(80), as: UTF8.self))”")
    }
    guard case .string(let descr)? = fields["descr"] else {
      throw error("a plain element type (descr)", "records, or none", "Save one field of the array alone.")
    }
    guard let type = NumPyType(descr: descr) else {
      let known = NumPyType.allCases.map(\.rawValue).joined(separator: " ")
      throw error("an element type of \(known)", "\(descr)", "Convert it with .astype(…) and save it again.")
    }
    guard case .tuple(let shape)? = fields["shape"], Files.byteCount(of: shape, elementBytes: type.byteCount) != nil
    else { throw error("a shape of whole numbers that fits a file", "another or none") }
    guard case .bool(let isFortran)? = fields["fortran_order"] else { throw error("fortran_order", "none") }
    guard !isFortran || shape.count < 2 else {
      throw error("elements in C order", "Fortran order", "Save numpy.ascontiguousarray(…) of it.")
    }
    self.init(type: type, shape: shape)
  }

  /// The header as bytes, of version 1.
  var bytes: [UInt8] {
    let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var text = Array("{'descr': '\(type.rawValue)', 'fortran_order': False, 'shape': (\(sizes)), }".utf8)
    // Magic, version and length take 10 bytes; a line feed ends the text.
    text += [UInt8](repeating: UInt8(ascii: " "), count: (64 - (10 + text.count + 1) % 64) % 64)
    text.append(UInt8(ascii: "\n"))
    return Self.magic + [1, 0, UInt8(text.count & 0xFF), UInt8(text.count >> 8)] + text
  }

  private static func number(_ bytes: [UInt8]) -> Int { bytes.reversed().reduce(0) { $0 << 8 | Int($1) } }
}

/// The little of Python's literals that such a header holds: one dictionary of strings, truth values and tuples of
/// whole numbers.
private struct PythonDictionary {
  enum Value {
    case string(String)
    case bool(Bool)
    case tuple([Int])
    /// A list, of records' fields, which nobody here reads.
    case list
  }
  private var fields: [String: Value] = [:]

  subscript(key: String) -> Value? { fields[key] }

  /// nil if the text is anything else.
  init?(_ text: [UInt8]) {
    var scanner = Scanner(rest: text[...])
    guard scanner.take("{") else { return nil }
    while !scanner.take("}") {
      guard let key = scanner.string(), scanner.take(":"), let value = scanner.value() else { return nil }
      guard fields.updateValue(value, forKey: key) == nil else { return nil }
      if !scanner.take(",") {
        guard scanner.take("}") else { return nil }
        break
      }
    }
    guard scanner.isAtEnd else { return nil }
  }

  private struct Scanner {
    var rest: ArraySlice<UInt8>

    var isAtEnd: Bool {
      mutating get {
        skipSpace()
        return rest.isEmpty
      }
    }

    mutating func skipSpace() { rest = rest.drop { $0 == 0x20 || $0 == 0x0A } }

    mutating func take(_ word: String) -> Bool {
      skipSpace()
      guard rest.starts(with: word.utf8) else { return false }
      rest = rest.dropFirst(word.utf8.count)
      return true
    }

    mutating func string() -> String? {
      skipSpace()
      guard let quote = rest.first, quote == 0x27 || quote == 0x22 else { return nil }
      let body = rest.dropFirst()
      guard let end = body.firstIndex(of: quote), !body[..<end].contains(UInt8(ascii: "\\")) else { return nil }
      rest = body[(end + 1)...]
      return String(decoding: body[..<end], as: UTF8.self)
    }

    mutating func value() -> Value? {
      if take("True") { return .bool(true) }
      if take("False") { return .bool(false) }
      if take("(") { return tuple().map(Value.tuple) }
      if take("[") { return skipList() ? .list : nil }
      return string().map(Value.string)
    }

    mutating func skipList() -> Bool {
      var depth = 1
      while depth > 0, let byte = rest.popFirst() {
        depth += byte == UInt8(ascii: "[") ? 1 : byte == UInt8(ascii: "]") ? -1 : 0
      }
      return depth == 0
    }

    mutating func tuple() -> [Int]? {
      var sizes: [Int] = []
      while !take(")") {
        skipSpace()
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        guard let size = Int(String(decoding: digits, as: UTF8.self)), sizes.count < 32 else { return nil }
        rest = rest[digits.endIndex...]
        sizes.append(size)
        if !take(",") {
          guard take(")") else { return nil }
          break
        }
      }
      return sizes
    }
  }
}
