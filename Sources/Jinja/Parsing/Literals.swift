// SPDX-License-Identifier: Apache-2.0
/// Numbers as Python writes them in source.
enum NumberGrammar {
  /// Where the number ends that begins at a digit, and whether it has a point or an exponent.
  static func end(_ bytes: [UInt8], from start: Int) -> (end: Int, isDouble: Bool) {
    func isDigit(_ place: Int) -> Bool { place < bytes.count && UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[place] }
    func digits(_ place: Int) -> Int {
      var place = place
      while isDigit(place) || place < bytes.count && bytes[place] == UInt8(ascii: "_") && isDigit(place + 1) {
        place += 1
      }
      return place
    }
    let whole = digits(start)
    var end = whole
    // `a.0.5` is no fraction.
    if start == 0 || bytes[start - 1] != UInt8(ascii: ".") {
      if end < bytes.count, bytes[end] == UInt8(ascii: "."), isDigit(end + 1) { end = digits(end + 1) }
      if end < bytes.count, bytes[end] | 0x20 == UInt8(ascii: "e") {
        let sign = end + 1 < bytes.count && (bytes[end + 1] == UInt8(ascii: "+") || bytes[end + 1] == UInt8(ascii: "-"))
        if isDigit(end + (sign ? 2 : 1)) { end = digits(end + (sign ? 2 : 1)) }
      }
    }
    if end > whole { return (end, true) }
    guard bytes[start] == UInt8(ascii: "0") else { return (whole, false) }
    if start + 1 < bytes.count, let radix = radix(bytes[start + 1]) {
      var place = start + 2
      while place < bytes.count, Lexer.isWord(bytes[place]),
        bytes[place] == UInt8(ascii: "_") || Unicode.Scalar(bytes[place]).properties.numericType != nil
          || radix == 16 && UInt8(ascii: "a")...UInt8(ascii: "f") ~= bytes[place] | 0x20
      { place += 1 }
      return (place, false)
    }
    var zeros = start
    while zeros < whole, bytes[zeros] == UInt8(ascii: "0") || bytes[zeros] == UInt8(ascii: "_") { zeros += 1 }
    return (zeros, false)
  }

  private static func radix(_ letter: UInt8) -> Int? {
    switch letter | 0x20 {
    case UInt8(ascii: "x"): 16
    case UInt8(ascii: "o"): 8
    case UInt8(ascii: "b"): 2
    default: nil
    }
  }

  /// The value of a whole number; nil beyond 64 bits.
  static func int(_ text: String) -> Int? {
    let bytes = Array(text.utf8)
    if bytes.count > 2, bytes[0] == UInt8(ascii: "0"), let radix = radix(bytes[1]) {
      return Int(text.dropFirst(2), radix: radix)
    }
    return Int(text)
  }
}

/// Escapes in Python's strings.
enum StringEscapes {
  private static let simple: [UInt8: UInt8] = [
    UInt8(ascii: "n"): 10, UInt8(ascii: "t"): 9, UInt8(ascii: "r"): 13, UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8,
    UInt8(ascii: "f"): 12, UInt8(ascii: "v"): 11, UInt8(ascii: "\\"): 92, UInt8(ascii: "'"): 39, UInt8(ascii: "\""): 34,
  ]

  /// The text that a string's content stands for; nil for what stands for no character (`\ud800`, `\x1`, `\N{…}`).
  static func resolved(_ content: ArraySlice<UInt8>) -> [UInt8]? {
    var result: [UInt8] = [], rest = content
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\"), let letter = rest.popFirst() else {
        result.append(byte)
        continue
      }
      if let plain = simple[letter] {
        result.append(plain)
      } else if letter == 10 {
        continue
      } else if UInt8(ascii: "0")...UInt8(ascii: "7") ~= letter {
        var value = UInt32(letter & 7), count = 1
        while count < 3, let next = rest.first, UInt8(ascii: "0")...UInt8(ascii: "7") ~= next {
          value = value * 8 + UInt32(next & 7)
          rest.removeFirst()
          count += 1
        }
        result += String(Unicode.Scalar(value)!).utf8
      } else if let count = ["x": 2, "u": 4, "U": 8][String(Unicode.Scalar(letter))] {
        guard rest.count >= count, let value = UInt32(String(decoding: rest.prefix(count), as: UTF8.self), radix: 16),
          let scalar = Unicode.Scalar(value), rest.first != UInt8(ascii: "+")
        else { return nil }
        rest.removeFirst(count)
        result += String(scalar).utf8
      } else if letter == UInt8(ascii: "N") {
        return nil
      } else {
        result += [byte, letter]
      }
    }
    return result
  }
}
