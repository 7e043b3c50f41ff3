// SPDX-License-Identifier: Apache-2.0
/// Cuts a template into tokens as Jinja 3.1 does with `trim_blocks` and `lstrip_blocks`.
struct Lexer {
  private let bytes: [UInt8]
  private var position = 0
  private var line = 1
  private var tokens: [(token: Token, line: Int)] = []
  /// Whether what was read last ends with a line break: then white space before a tag is an indent.
  private var startsLine = true
  /// Closing brackets that are waited for.
  private var open: [UInt8] = []

  /// - Throws: with the line, for a text that is no template.
  static func tokens(_ source: [UInt8]) throws(Fault) -> [(token: Token, line: Int)] {
    var lexer = Lexer(source)
    try lexer.run()
    lexer.add(.end)
    return lexer.tokens
  }

  private init(_ source: [UInt8]) {
    var bytes = Self.lineBreaks(source)
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    self.bytes = bytes
  }

  /// With every line break a line feed.
  private static func lineBreaks(_ source: [UInt8]) -> [UInt8] {
    guard source.contains(UInt8(ascii: "\r")) else { return source }
    var bytes: [UInt8] = []
    for (index, byte) in source.enumerated() {
      if byte == UInt8(ascii: "\r") {
        bytes.append(UInt8(ascii: "\n"))
      } else if byte != UInt8(ascii: "\n") || index == 0 || source[index - 1] != UInt8(ascii: "\r") {
        bytes.append(byte)
      }
    }
    return bytes
  }

  private mutating func add(_ token: Token) { tokens.append((token, line)) }

  private func fault(_ expected: String, _ found: String) -> Fault {
    Fault(expected: expected, found: found, line: line)
  }

  private func isAt(_ text: StaticString, _ offset: Int = 0) -> Bool {
    let count = text.utf8CodeUnitCount, start = position + offset
    guard start + count <= bytes.count else { return false }
    for index in 0..<count where bytes[start + index] != text.utf8Start[index] { return false }
    return true
  }

  private mutating func advance(to end: Int) {
    for index in position..<end where bytes[index] == UInt8(ascii: "\n") { line += 1 }
    if end > position { startsLine = bytes[end - 1] == UInt8(ascii: "\n") }
    position = end
  }

  private mutating func run() throws(Fault) {
    while position < bytes.count {
      let start = position
      var end = start
      while end < bytes.count, !Self.isTag(bytes, end) { end += 1 }
      guard end < bytes.count else {
        add(.data(Array(bytes[start...])))
        return advance(to: end)
      }
      let kind = bytes[end + 1], sign = end + 2 < bytes.count ? bytes[end + 2] : 0
      let isSigned = sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+")
      let kept = textEnd(start, end, sign, isVariable: kind == UInt8(ascii: "{"))
      if kept > start { add(.data(Array(bytes[start..<kept]))) }
      advance(to: end + 2 + (isSigned ? 1 : 0))
      startsLine = false
      switch kind {
      case UInt8(ascii: "{"):
        add(.beginVariable)
        try tag(.endVariable)
      case UInt8(ascii: "#"): try comment()
      default:
        if try raw() { continue }
        add(.beginBlock)
        try tag(.endBlock)
      }
    }
  }

  private static func isTag(_ bytes: [UInt8], _ position: Int) -> Bool {
    guard bytes[position] == UInt8(ascii: "{"), position + 1 < bytes.count else { return false }
    let next = bytes[position + 1]
    return next == UInt8(ascii: "{") || next == UInt8(ascii: "%") || next == UInt8(ascii: "#")
  }

  /// Where the text ends that is kept before a tag.
  private func textEnd(_ start: Int, _ end: Int, _ sign: UInt8, isVariable: Bool) -> Int {
    if sign == UInt8(ascii: "-") { return WhiteSpace.start(bytes, before: end, from: start) }
    if sign == UInt8(ascii: "+") || isVariable { return end }
    let lineStart = bytes[start..<end].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 }
    guard let lineStart = lineStart ?? (startsLine ? start : nil), lineStart < end else { return end }
    return WhiteSpace.end(bytes, from: lineStart) >= end ? lineStart : end
  }

  private mutating func comment() throws(Fault) {
    var end = position
    while end + 1 < bytes.count, !(bytes[end] == UInt8(ascii: "#") && bytes[end + 1] == UInt8(ascii: "}")) { end += 1 }
    guard end + 1 < bytes.count else { throw fault("the end of the comment, #}", "the end of the template") }
    let sign = end > position ? bytes[end - 1] : 0
    advance(to: end)
    close(2, sign)
  }

  /// The end of a tag that stands here: its bytes, and the white space that it takes with it.
  private mutating func close(_ count: Int, _ sign: UInt8, isBlock: Bool = true) {
    var end = position + count
    if sign == UInt8(ascii: "-") {
      end = WhiteSpace.end(bytes, from: end)
    } else if sign != UInt8(ascii: "+"), isBlock, end < bytes.count, bytes[end] == UInt8(ascii: "\n") {
      end += 1
    }
    advance(to: end)
  }

  /// `{% raw %} … {% endraw %}`, if it stands here, after its `{%`.
  private mutating func raw() throws(Fault) -> Bool {
    guard let (end, isTrimmed) = word("raw", from: position) else { return false }
    advance(to: isTrimmed == UInt8(ascii: "-") ? WhiteSpace.end(bytes, from: end) : end)
    let start = position
    var place = start
    while place + 1 < bytes.count {
      if bytes[place] == UInt8(ascii: "{"), bytes[place + 1] == UInt8(ascii: "%") {
        let sign = place + 2 < bytes.count ? bytes[place + 2] : 0
        let isSigned = sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+")
        if let (end, closing) = word("endraw", from: place + (isSigned ? 3 : 2), plus: true) {
          let kept = textEnd(start, place, sign, isVariable: false)
          if kept > start { add(.data(Array(bytes[start..<kept]))) }
          advance(to: end - 2)
          close(2, closing)
          return true
        }
      }
      place += 1
    }
    throw fault("{% endraw %}", "the end of the template")
  }

  /// A word and the end of its block from a place on: where that ends, and its sign.
  private func word(_ word: String, from place: Int, plus: Bool = false) -> (end: Int, sign: UInt8)? {
    var place = WhiteSpace.end(bytes, from: place)
    guard bytes[place...].starts(with: word.utf8) else { return nil }
    place = WhiteSpace.end(bytes, from: place + word.utf8.count)
    var sign: UInt8 = 0
    if place < bytes.count, bytes[place] == UInt8(ascii: "-") || plus && bytes[place] == UInt8(ascii: "+") {
      sign = bytes[place]
      place += 1
    }
    return bytes[min(place, bytes.count)...].starts(with: "%}".utf8) ? (place + 2, sign) : nil
  }

  // MARK: Inside a tag

  private mutating func tag(_ end: Token) throws(Fault) {
    let isBlock = end == .endBlock
    while position < bytes.count {
      if open.isEmpty {
        let next = bytes[position]
        let isSigned = next == UInt8(ascii: "-") || isBlock && next == UInt8(ascii: "+")
        for offset in isSigned ? [1, 0] : [0] where isBlock ? isAt("%}", offset) : isAt("}}", offset) {
          add(end)
          advance(to: position + offset)
          return close(2, offset == 1 ? next : 0, isBlock: isBlock)
        }
      }
      let spaceEnd = WhiteSpace.end(bytes, from: position)
      if spaceEnd > position {
        advance(to: spaceEnd)
      } else {
        try token()
      }
    }
  }

  private mutating func token() throws(Fault) {
    let first = bytes[position]
    switch first {
    case UInt8(ascii: "'"), UInt8(ascii: "\""):
      var end = position + 1
      while end < bytes.count, bytes[end] != first { end += bytes[end] == UInt8(ascii: "\\") ? 2 : 1 }
      guard end < bytes.count else { throw fault("a closing quote", "the end of the template") }
      add(.string(try unescaped(bytes[position + 1..<end])))
      advance(to: end + 1)
    case UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), 0x80...:
      var end = position
      while end < bytes.count, Self.isWord(bytes[end]), WhiteSpace.length(bytes, at: end) == 0 { end += 1 }
      add(.name(String(decoding: bytes[position..<end], as: UTF8.self)))
      advance(to: end)
    default: try sign()
    }
  }

  static func isWord(_ byte: UInt8) -> Bool {
    byte >= 0x80 || byte == UInt8(ascii: "_") || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
      || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
  }

  private mutating func sign() throws(Fault) {
    for pair in ["//", "**", "==", "!=", ">=", "<="] where bytes[position...].starts(with: pair.utf8) {
      add(.sign(pair))
      return advance(to: position + 2)
    }
    let byte = bytes[position], text = String(Unicode.Scalar(byte))
    guard "+-/*%~[](){}><=.:|,;".utf8.contains(byte) else { throw fault("an expression", "\"\(text)\"") }
    switch text {
    case "(": open.append(UInt8(ascii: ")"))
    case "[": open.append(UInt8(ascii: "]"))
    case "{": open.append(UInt8(ascii: "}"))
    case ")", "]", "}":
      guard let expected = open.popLast(), expected == byte else {
        throw fault("an open bracket for it", "\"\(text)\"")
      }
    default: break
    }
    add(.sign(text))
    advance(to: position + 1)
  }

  private mutating func number() throws(Fault) {
    let (end, isDouble) = NumberGrammar.end(bytes, from: position)
    let text = String(decoding: bytes[position..<end].filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
    if isDouble {
      add(.double(Double(text) ?? .infinity))
    } else {
      guard let value = NumberGrammar.int(text) else { throw fault("a whole number of 64 bits", text) }
      add(.int(value))
    }
    advance(to: end)
  }

  private func unescaped(_ content: ArraySlice<UInt8>) throws(Fault) -> [UInt8] {
    guard content.contains(UInt8(ascii: "\\")) else { return Array(content) }
    guard let result = StringEscapes.resolved(content) else {
      throw fault("escapes that stand for characters", "'\(String(decoding: content.prefix(60), as: UTF8.self))'")
    }
    return result
  }
}
