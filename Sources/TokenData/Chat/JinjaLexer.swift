// SPDX-License-Identifier: Apache-2.0
/// A part of an expression of Jinja.
enum JinjaToken: Sendable, Hashable {
  case name(String)
  /// A literal, its escapes resolved.
  case string(String)
  /// Numbers, operators, brackets.
  case other(String)
}

/// A piece of a Jinja template: text, `{{ … }}` or `{% … %}`; comments are left out.
enum JinjaSegment: Sendable, Hashable {
  case text(String)
  case output([JinjaToken])
  case statement([JinjaToken])
}

/// Cuts a Jinja template into text and tags, white space controlled as transformers sets Jinja up (`trim_blocks`,
/// `lstrip_blocks`).
struct JinjaLexer {
  private let scalars: [Unicode.Scalar]
  private var position = 0
  private var segments: [JinjaSegment] = []
  /// What the tag before asks of the text behind it.
  private var trimsAll = false, trimsLine = false
  /// Whether the text behind the tag before begins a line.
  private var startsLine = true

  /// The pieces in order; nil for a text that is no template or goes beyond what is known here.
  static func segments(of jinja: String) -> [JinjaSegment]? {
    var lexer = JinjaLexer(jinja)
    return lexer.run() ? lexer.segments : nil
  }

  private init(_ jinja: String) {
    var scalars = Array(jinja.replacing("\r\n", with: "\n").unicodeScalars)
    if scalars.last == "\n" { scalars.removeLast() }
    self.scalars = scalars
  }

  private mutating func run() -> Bool {
    while position < scalars.count {
      let start = position
      while position < scalars.count, !["{{", "{%", "{#"].contains(where: { isAt($0) }) { position += 1 }
      var text = scalars[start..<position]
      if trimsAll { text = text.drop(while: Self.isSpace) }
      if trimsLine, text.first == "\n" {
        text.removeFirst()
        startsLine = true
      }
      guard position < scalars.count else {
        add(text)
        return true
      }
      let kind = scalars[position + 1]
      position += 2
      if isAt("-") {
        while let last = text.last, Self.isSpace(last) { text.removeLast() }
      } else if kind != "{", !isAt("+") {
        let line = text.lastIndex(of: "\n").map { $0 + 1 }
        if let line = line ?? (startsLine ? text.startIndex : nil), text[line...].allSatisfy(Self.isSpace) {
          text = text[..<line]
        }
      }
      if isAt("-") || isAt("+") { position += 1 }
      add(text)
      guard tag(kind) else { return false }
    }
    return true
  }

  private mutating func add(_ text: ArraySlice<Unicode.Scalar>) {
    if !text.isEmpty { segments.append(.text(String(String.UnicodeScalarView(text)))) }
  }

  /// The rest of a tag.
  private mutating func tag(_ kind: Unicode.Scalar) -> Bool {
    let end = kind == "{" ? "}}" : kind == "%" ? "%}" : "#}"
    var tokens = [JinjaToken](), braces = 0
    while position < scalars.count {
      if braces == 0 {
        for sign in ["", "-", "+"] where isAt(sign + end) {
          position += sign.unicodeScalars.count + 2
          (trimsAll, trimsLine, startsLine) = (sign == "-", sign.isEmpty && kind != "{", false)
          if kind == "{" { segments.append(.output(tokens)) }
          if kind == "%" { segments.append(.statement(tokens)) }
          return true
        }
      }
      if kind == "#" {
        position += 1
      } else if Self.isSpace(scalars[position]) {
        position += 1
      } else {
        guard let token = token() else { return false }
        if token == .other("{") { braces += 1 }
        if token == .other("}") { braces -= 1 }
        tokens.append(token)
      }
    }
    return false
  }

  private mutating func token() -> JinjaToken? {
    let first = scalars[position]
    if first == "'" || first == "\"" { return string(first) }
    func isWord(_ scalar: Unicode.Scalar) -> Bool {
      scalar == "_" || scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
    }
    if isWord(first) {
      let start = position
      while position < scalars.count, isWord(scalars[position]) { position += 1 }
      let word = String(String.UnicodeScalarView(scalars[start..<position]))
      return ("0"..."9").contains(first) ? .other(word) : .name(word)
    }
    for pair in ["==", "!=", "<=", ">=", "//", "**"] where isAt(pair) {
      position += 2
      return .other(pair)
    }
    position += 1
    return .other(String(Character(first)))
  }

  private mutating func string(_ quote: Unicode.Scalar) -> JinjaToken? {
    var text = String.UnicodeScalarView()
    position += 1
    while position < scalars.count, scalars[position] != quote {
      var scalar = scalars[position]
      if scalar == "\\" {
        position += 1
        guard position < scalars.count,
          let known = (["n": "\n", "t": "\t", "\\": "\\", "'": "'", "\"": "\""] as [Unicode.Scalar: Unicode.Scalar])[
            scalars[position]]
        else { return nil }
        scalar = known
      }
      text.append(scalar)
      position += 1
    }
    guard position < scalars.count else { return nil }
    position += 1
    return .string(String(text))
  }

  private func isAt(_ text: String) -> Bool {
    scalars[position...].starts(with: text.unicodeScalars)
  }

  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }
}
