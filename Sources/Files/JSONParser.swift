// SPDX-License-Identifier: Apache-2.0
extension JSON {
  /// Parses one JSON text, strictly by RFC 8259.
  ///
  /// Refused, with line and column: anything the grammar does not have (comments, trailing commas, NaN, a byte order
  /// mark), text after the value, bytes that are not UTF-8, `\u` escapes of half a surrogate pair, a key written twice,
  /// numbers beyond Double, nesting deeper than `depth`, and more than 2²⁰ values in one line of many.
  ///
  /// - Parameters:
  ///   - bytes: the whole text.
  ///   - path: what errors call the source.
  ///   - line: the text's line number in its file, if it is one line of many.
  ///   - depth: how many arrays and objects may be open at once.
  public init(
    parsing bytes: UnsafeRawBufferPointer, path: String, line: Int? = nil, depth: Int = 128
  ) throws(InputError) {
    var parser = JSONParser(bytes: bytes, path: path, line: line, depth: depth)
    self = try parser.document()
  }

  /// Parses one JSON text held in an array; see `init(parsing:path:depth:)`.
  public init(parsing bytes: [UInt8], path: String, depth: Int = 128) throws(InputError) {
    let result = bytes.withUnsafeBytes { buffer in
      Result { () throws(InputError) in try JSON(parsing: buffer, path: path, depth: depth) }
    }
    self = try result.get()
  }

  /// Parses one JSON text held in a string; see `init(parsing:path:depth:)`.
  public init(parsing text: String, path: String, depth: Int = 128) throws(InputError) {
    try self.init(parsing: Array(text.utf8), path: path, depth: depth)
  }
}

/// Recursive descent over bytes. `position` is the next byte not yet read.
struct JSONParser {
  let bytes: UnsafeRawBufferPointer
  let path: String
  /// Number of the one line that the text is; nil for a whole file.
  let line: Int?
  var depth: Int
  private var count = 0  // values read
  /// Values that one line of many may hold: 16 MiB of numbers in a list took 1.6 GiB.
  private static let mostInLine = 1 << 20
  var position = 0
  var scratch: [UInt8] = []

  init(bytes: UnsafeRawBufferPointer, path: String, line: Int?, depth: Int) {
    self.bytes = bytes
    self.path = path
    self.line = line
    self.depth = depth
  }

  mutating func document() throws(InputError) -> JSON {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      throw error(expected: "a JSON value", found: "a byte order mark", remedy: "Save it as UTF-8 without one.")
    }
    skipSpace()
    let value = try value()
    skipSpace()
    guard position == bytes.count else { throw unexpected("\(end) after the JSON value") }
    return value
  }

  /// The next byte, 0 at the end (a zero byte is legal nowhere, so the two need no telling apart here).
  @inline(__always) var next: UInt8 { position < bytes.count ? bytes[position] : 0 }

  @inline(__always) mutating func skipSpace() {
    while position < bytes.count {
      let byte = bytes[position]
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
      position += 1
    }
  }

  private mutating func value() throws(InputError) -> JSON {
    count += 1
    if line != nil, count > Self.mostInLine {
      throw error(
        expected: "a line of at most \(Self.mostInLine) JSON values", found: "more",
        remedy: "Is the file one JSON object a line?")
    }
    switch next {
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "]"): throw trailingComma() ?? unexpected("a JSON value")
    default: throw misspelling("a JSON value") ?? unexpected("a JSON value")
    }
  }

  /// `[1, ]`, `{"a": 1, }`: nil if no comma stands before `position`.
  private func trailingComma() -> InputError? {
    guard bytes[..<position].last(where: { $0 > 0x20 }) == UInt8(ascii: ",") else { return nil }
    return error(
      expected: "a value after the comma", found: "\"\(Unicode.Scalar(next))\"", remedy: "Leave out the last comma.")
  }

  private mutating func word(_ word: StaticString, _ value: JSON) throws(InputError) -> JSON {
    let expected = UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
    guard bytes[position...].starts(with: expected) else { throw unexpected("a JSON value") }
    position += expected.count
    return value
  }

  private mutating func open() throws(InputError) {
    depth -= 1
    if depth < 0 { throw error(expected: "less nesting", found: "too many arrays and objects inside one another") }
    position += 1
    skipSpace()
  }

  private mutating func array() throws(InputError) -> JSON {
    try open()
    var values: [JSON] = []
    if next == UInt8(ascii: "]") {
      position += 1
      depth += 1
      return .array(values)
    }
    while true {
      values.append(try value())
      skipSpace()
      let byte = next
      guard byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") else { throw unexpected("\",\" or \"]\"") }
      position += 1
      if byte == UInt8(ascii: "]") { break }
      skipSpace()
    }
    depth += 1
    return .array(values)
  }

  private mutating func object() throws(InputError) -> JSON {
    try open()
    var object = JSONObject()
    if next == UInt8(ascii: "}") {
      position += 1
      depth += 1
      return .object(object)
    }
    while true {
      guard next == UInt8(ascii: "\"") else {
        if next == UInt8(ascii: "}"), let error = trailingComma() { throw error }
        throw misspelling("a key in quotes") ?? unexpected("a key in quotes")
      }
      let start = position
      let key = try string()
      skipSpace()
      guard next == UInt8(ascii: ":") else { throw unexpected("\":\"") }
      position += 1
      skipSpace()
      let first = position, value = try value()
      guard object.append(key, value) else {
        position = start
        throw error(expected: "each key once", found: "\(JSON.string(key).summary) again")
      }
      if line != nil, case .double(let number) = value {
        let text = String(decoding: bytes[first..<position], as: UTF8.self)
        if text != "\(number)" { object.note(key, writtenAs: text) }
      }
      skipSpace()
      let byte = next
      guard byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") else { throw unexpected("\",\" or \"}\"") }
      position += 1
      if byte == UInt8(ascii: "}") { break }
      skipSpace()
    }
    depth += 1
    return .object(object)
  }

  // MARK: Errors

  private var end: String { line == nil ? "the end of the file" : "the end of the line" }

  /// Something else stands at `position`.
  func unexpected(_ expected: String) -> InputError {
    guard position < bytes.count else {
      return error(expected: expected, found: end, remedy: "Is it cut off?")
    }
    let byte = bytes[position]
    let isVisible = byte > 0x20 && byte < 0x7F
    return error(
      expected: expected, found: isVisible ? "\"\(Unicode.Scalar(byte))\"" : "byte 0x\(String(byte, radix: 16))")
  }

  func error(expected: String, found: String, remedy: String = "") -> InputError {
    let before = bytes[..<min(position, bytes.count)]
    let line = line ?? before.reduce(1) { $0 + ($1 == 0x0A ? 1 : 0) }
    let column = position - (before.lastIndex(of: 0x0A) ?? -1)
    return InputError(
      path: path, place: "line \(line), column \(column)", expected: expected, found: found, remedy: remedy)
  }
}
