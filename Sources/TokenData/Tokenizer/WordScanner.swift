// SPDX-License-Identifier: Apache-2.0
/// The expressions by which GPT-2, Llama 3 and Qwen cut text into words, as a scanner written by hand.
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///     (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
///
/// They leave no gaps, so a text is the sequence of their matches.
struct WordScanner: Sendable {
  /// Whether it is Llama 3's family: any case of `'s`, punctuation sticks to the word after it, lines end words.
  let isLlama: Bool
  /// How many digits make one word at most.
  let digits: Int

  /// GPT-2's, which the ByteLevel pre-tokenizer has built in.
  static let gpt2 = WordScanner(isLlama: false, digits: .max)

  private static let gpt2Pattern = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
  private static let llamaHead = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"#
  private static let llamaTail = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  private init(isLlama: Bool, digits: Int) {
    self.isLlama = isLlama
    self.digits = digits
  }

  /// The scanner for an expression, or nil if it is none of these.
  init?(pattern: String) {
    switch pattern {
    case Self.gpt2Pattern: self = .gpt2
    case Self.llamaHead + #"\p{N}{1,3}"# + Self.llamaTail: self.init(isLlama: true, digits: 3)
    case Self.llamaHead + #"\p{N}"# + Self.llamaTail: self.init(isLlama: true, digits: 1)
    case Self.llamaHead + #"\p{N}+"# + Self.llamaTail: self.init(isLlama: true, digits: .max)
    default: return nil
    }
  }

  /// Appends the words of `range`.
  func words(in bytes: UTF8Bytes, _ range: Range<Int>, _ result: inout [Split]) {
    let reader = KindReader(bytes: bytes, end: range.upperBound)
    var position = range.lowerBound
    while position < range.upperBound {
      let end = isLlama ? llamaWord(reader, position) : gpt2Word(reader, position)
      result.append(Split(position..<end))
      position = end
    }
  }

  @inline(__always) private func gpt2Word(_ reader: KindReader, _ start: Int) -> Int {
    let first = reader.bytes[start]
    if first == UInt8(ascii: "'"), let end = contraction(reader, start, anyCase: false) { return end }
    var (kind, position) = reader.kind(at: start)
    if first == UInt8(ascii: " "), position < reader.end {
      let (following, after) = reader.kind(at: position)
      if following < Kind.space { (kind, position) = (following, after) }
    }
    if kind < Kind.space { return reader.run(of: kind, from: position) }
    return space(reader, start)
  }

  @inline(__always) private func llamaWord(_ reader: KindReader, _ start: Int) -> Int {
    let first = reader.bytes[start]
    if first == UInt8(ascii: "'"), let end = contraction(reader, start, anyCase: true) { return end }
    let (kind, next) = reader.kind(at: start)
    if kind == Kind.letter { return reader.run(of: kind, from: next) }
    if kind == Kind.number {
      var position = next
      var count = 1
      while count < digits, position < reader.end, case let (kind, after) = reader.kind(at: position),
        kind == Kind.number
      {
        position = after
        count += 1
      }
      return position
    }
    let (following, after) = next < reader.end ? reader.kind(at: next) : (Kind.newline, next)
    if kind != Kind.newline, following == Kind.letter { return reader.run(of: following, from: after) }
    if kind == Kind.other || first == UInt8(ascii: " ") && following == Kind.other {
      return reader.run(of: Kind.newline, from: reader.run(of: Kind.other, from: next))
    }
    return space(reader, start)
  }

  /// `\s*[\r\n]+` (Llama) or `\s+(?!\S)|\s+`: white space leaves its last character to the word after it.
  private func space(_ reader: KindReader, _ start: Int) -> Int {
    var position = start
    var last = start
    var afterNewline = start
    while position < reader.end {
      let (kind, next) = reader.kind(at: position)
      guard kind >= Kind.space else { break }
      last = position
      position = next
      if kind == Kind.newline { afterNewline = next }
    }
    if isLlama, afterNewline > start { return afterNewline }
    return position == reader.end || last == start ? position : last
  }

  /// The end of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d` at `start`.
  private func contraction(_ reader: KindReader, _ start: Int, anyCase: Bool) -> Int? {
    func letter(_ offset: Int) -> UInt8 {
      guard start + offset < reader.end else { return 0 }
      let byte = reader.bytes[start + offset]
      return anyCase && byte & 0xC0 == 0x40 ? byte | 0x20 : byte
    }
    switch (letter(1), letter(2)) {
    case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _), (UInt8(ascii: "d"), _):
      return start + 2
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return start + 3
    case (0xC5, 0xBF) where anyCase: return start + 3  // ſ folds to s
    default: return nil
    }
  }
}

/// What the expressions distinguish, white space last.
private enum Kind {
  static let letter: UInt8 = 0
  static let number: UInt8 = 1
  static let other: UInt8 = 2
  static let space: UInt8 = 3
  static let newline: UInt8 = 4
}

private struct KindReader {
  let bytes: UTF8Bytes
  let end: Int
  private let ascii = Self.asciiKinds
  private let classes = UnicodeClasses.shared

  init(bytes: UTF8Bytes, end: Int) {
    self.bytes = bytes
    self.end = end
  }

  // Held by a pointer: an array here would be retained and released with every copy of the reader.
  nonisolated(unsafe) private static let asciiKinds: UnsafePointer<UInt8> = {
    let kinds = UnsafeMutablePointer<UInt8>.allocate(capacity: 128)
    for scalar in 0..<UInt32(128) { kinds[Int(scalar)] = kind(of: scalar, UnicodeClasses.shared) }
    return UnsafePointer(kinds)
  }()

  private static func kind(of scalar: UInt32, _ classes: UnicodeClasses) -> UInt8 {
    let known = classes[scalar]
    if known.category & ScalarClass.letters != 0 { return Kind.letter }
    if known.category & ScalarClass.numbers != 0 { return Kind.number }
    return known.isSpace ? scalar == 10 || scalar == 13 ? Kind.newline : Kind.space : Kind.other
  }

  /// The kind of the scalar at `position`, and where the next begins.
  @inline(__always) func kind(at position: Int) -> (UInt8, Int) {
    let byte = bytes[position]
    if byte < 0x80 { return (ascii[Int(byte)], position + 1) }
    let (scalar, length) = bytes.scalar(at: position)
    return (Self.kind(of: scalar, classes), position + length)
  }

  @inline(__always) func run(of wanted: UInt8, from start: Int) -> Int {
    var position = start
    while position < end, case let (kind, next) = kind(at: position), kind == wanted { position = next }
    return position
  }
}
