// SPDX-License-Identifier: Apache-2.0
// Strings and numbers of the JSON parser.
extension JSONParser {
  /// A string, with `position` at its opening quote before and after its closing quote afterwards.
  mutating func string() throws(InputError) -> String {
    let open = position
    position += 1
    skipPlain()
    if next == UInt8(ascii: "\"") {
      let range = open + 1..<position
      position += 1
      return try text(UnsafeRawBufferPointer(rebasing: bytes[range]), at: open)
    }
    scratch.removeAll(keepingCapacity: true)
    scratch.append(contentsOf: bytes[open + 1..<position])
    while true {
      switch next {
      case UInt8(ascii: "\""):
        position += 1
        let result = scratch.withUnsafeBytes { buffer in
          Result { () throws(InputError) in try text(buffer, at: open) }
        }
        return try result.get()
      case UInt8(ascii: "\\"):
        try escape()
      default:
        throw unexpected("a character or a closing quote (control characters are written as \\u escapes)")
      }
      let start = position
      skipPlain()
      scratch.append(contentsOf: bytes[start..<position])
    }
  }

  /// Skips to the next quote, backslash or control character, eight bytes at a time.
  @inline(__always) private mutating func skipPlain() {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    while position + 8 <= bytes.count {
      let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
      let quotes = word ^ (ones &* 0x22)
      let backslashes = word ^ (ones &* 0x5C)
      let stops =
        ((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes) | ((word &- (ones &* 0x20)) & ~word)
      // Bits above the lowest set one may be false (a borrow), the lowest is right: that is the first stop.
      let stop = stops & highs
      if stop != 0 {
        position += stop.trailingZeroBitCount / 8
        return
      }
      position += 8
    }
    while position < bytes.count {
      let byte = bytes[position]
      if byte == 0x22 || byte == 0x5C || byte < 0x20 { return }
      position += 1
    }
  }

  private func text(_ content: UnsafeRawBufferPointer, at open: Int) throws(InputError) -> String {
    guard isUTF8(content) else {
      var failed = self
      failed.position = open
      throw failed.error(
        expected: "UTF-8", found: "a string with bytes that are not", remedy: "Convert the file to UTF-8.")
    }
    return String(decoding: content, as: UTF8.self)
  }

  /// Table 3-7 of the Unicode standard. `String(validating:)` asks the runtime for types at every call, which for the
  /// hundred thousand short strings of a tokenizer takes longer than all the rest.
  private func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var position = 0
    func isTrail(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xBF) -> Bool {
      position + offset < bytes.count && range.contains(bytes[position + offset])
    }
    while position < bytes.count {
      switch bytes[position] {
      case 0..<0x80: position += 1
      case 0xC2...0xDF where isTrail(1): position += 2
      case 0xE0 where isTrail(1, 0xA0...0xBF) && isTrail(2): position += 3
      case 0xED where isTrail(1, 0x80...0x9F) && isTrail(2): position += 3
      case 0xE1...0xEC where isTrail(1) && isTrail(2), 0xEE...0xEF where isTrail(1) && isTrail(2): position += 3
      case 0xF0 where isTrail(1, 0x90...0xBF) && isTrail(2) && isTrail(3): position += 4
      case 0xF1...0xF3 where isTrail(1) && isTrail(2) && isTrail(3): position += 4
      case 0xF4 where isTrail(1, 0x80...0x8F) && isTrail(2) && isTrail(3): position += 4
      default: return false
      }
    }
    return true
  }

  private mutating func escape() throws(InputError) {
    let start = position
    position += 1
    let byte = next
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): scratch.append(byte)
    case UInt8(ascii: "b"): scratch.append(0x08)
    case UInt8(ascii: "f"): scratch.append(0x0C)
    case UInt8(ascii: "n"): scratch.append(0x0A)
    case UInt8(ascii: "r"): scratch.append(0x0D)
    case UInt8(ascii: "t"): scratch.append(0x09)
    case UInt8(ascii: "u"):
      position += 1
      let first = try hexadecimal()
      var code = first
      if first & 0xFC00 == 0xD800, next == UInt8(ascii: "\\") {
        position += 1
        if next == UInt8(ascii: "u") {
          position += 1
          let second = try hexadecimal()
          if second & 0xFC00 == 0xDC00 { code = 0x10000 + (first & 0x3FF) << 10 + (second & 0x3FF) }
        }
      }
      guard let scalar = Unicode.Scalar(code) else {
        position = start
        throw error(expected: "a pair of \\u surrogates", found: "half of one")
      }
      scratch.append(contentsOf: UTF8.encode(scalar)!)
      return
    default: throw unexpected("one of \" \\ / b f n r t u after a backslash")
    }
    position += 1
  }

  private mutating func hexadecimal() throws(InputError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(next)).hexDigitValue else { throw unexpected("four hex digits") }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  /// A number. Whole ones that fit are `.int`; the rest are the nearest Double, as C and Python read them.
  mutating func number() throws(InputError) -> JSON {
    let start = position
    let isNegative = next == UInt8(ascii: "-")
    if isNegative, bytes[start...].dropFirst().first.map({ $0 > 0x39 }) ?? false {
      if let error = misspelling("a JSON value") { throw error }
    }
    if isNegative { position += 1 }
    let whole = position
    var mantissa: UInt64 = 0
    try digits(into: &mantissa)
    var isWhole = true
    if position - whole > 1, bytes[whole] == UInt8(ascii: "0") {
      position = whole
      throw error(expected: "a number", found: "one that begins with 0")
    }
    var digitCount = position - whole
    var exponent = 0
    if next == UInt8(ascii: ".") {
      position += 1
      let fraction = position
      try digits(into: &mantissa)
      exponent = fraction - position
      digitCount += position - fraction
      isWhole = false
    }
    if next | 0x20 == UInt8(ascii: "e") {
      position += 1
      let sign = next
      if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
      let first = position
      var value: UInt64 = 0
      try digits(into: &value)
      let size = position - first > 6 ? 1_000_000 : Int(value)
      exponent += sign == UInt8(ascii: "-") ? -size : size
      isWhole = false
    }
    if isWhole, digitCount <= 19, let value = Int(exactly: mantissa) { return .int(isNegative ? -value : value) }
    if isWhole, isNegative, mantissa == 1 << 63, digitCount == 19 { return .int(.min) }
    // Both factors are exact in Double, so one rounding gives the nearest value (Clinger 1990).
    if digitCount <= 15, (-22...22).contains(exponent) {
      let value = Double(mantissa)
      let scaled = exponent < 0 ? value / Self.powers[-exponent] : value * Self.powers[exponent]
      return .double(isNegative ? -scaled : scaled)
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard let value = Double(text), value.isFinite else {
      position = start
      throw error(expected: "a number within Double", found: String(text.prefix(40)))
    }
    return .double(value)
  }

  private static let powers: [Double] = (0...22).map { Double("1e\($0)")! }

  /// At least one digit; the value wraps beyond 19 digits, which callers see by the count.
  private mutating func digits(into value: inout UInt64) throws(InputError) {
    let start = position
    while position < bytes.count, case let digit = bytes[position] &- UInt8(ascii: "0"), digit < 10 {
      value = value &* 10 &+ UInt64(digit)
      position += 1
    }
    guard position > start else { throw unexpected("a digit") }
  }
}
