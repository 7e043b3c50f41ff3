// SPDX-License-Identifier: Apache-2.0
import Files

/// How text is changed before it is cut: the `normalizer` section of tokenizer.json.
indirect enum Normalizer: Sendable {
  case sequence([Normalizer])
  case prepend(String)
  case replace(TextPattern, String)
  case canonical(composed: Bool, compatibility: Bool)
  case lowercase
  case strip(left: Bool, right: Bool)
  case stripAccents
  case precompiled(PrecompiledCharacterMap)
  case bert(BertNormalizer)
  case nmt
  /// Every byte as its character of GPT-2's alphabet.
  case byteAlphabet

  static let supported = [
    "Sequence", "Prepend", "Replace", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Strip", "StripAccents", "Precompiled",
    "BertNormalizer", "Nmt", "ByteLevel",
  ]

  init(_ json: JSONReader) throws(InputError) {
    switch try json.string(at: "type") {
    case "Sequence":
      var steps: [Normalizer] = []
      for step in try json.at("normalizers").elements() { steps.append(try Normalizer(step)) }
      self = .sequence(steps)
    case "Prepend": self = .prepend(try json.string(at: "prepend"))
    case "Replace": self = .replace(try TextPattern(try json.at("pattern")), try json.string(at: "content"))
    case "NFC": self = .canonical(composed: true, compatibility: false)
    case "NFD": self = .canonical(composed: false, compatibility: false)
    case "NFKC": self = .canonical(composed: true, compatibility: true)
    case "NFKD": self = .canonical(composed: false, compatibility: true)
    case "Lowercase": self = .lowercase
    case "Strip": self = .strip(left: try json.bool(at: "strip_left"), right: try json.bool(at: "strip_right"))
    case "StripAccents": self = .stripAccents
    case "Precompiled": self = .precompiled(try PrecompiledCharacterMap(try json.at("precompiled_charsmap")))
    case "BertNormalizer": self = .bert(try BertNormalizer(json))
    case "Nmt": self = .nmt
    case "ByteLevel": self = .byteAlphabet
    default: throw try json.at("type").error(expected: "one of " + Self.supported.joined(separator: ", "))
    }
  }

  /// Changes every part that is still text, each for itself.
  func apply(to text: inout SplitText) {
    let classes = UnicodeClasses.shared
    switch self {
    case .sequence(let steps):
      for step in steps { step.apply(to: &text) }
    case .prepend(let prefix):
      let scalars = prefix.unicodeScalars.map(\.value)
      text.rewrite { source, range, result in
        result.appendPrefix(scalars, of: source, range)
        result.append(source, range)
      }
    case .replace(let pattern, let content):
      let bytes = Array(content.utf8)
      text.rewrite { source, range, result in result.append(source, range, replacing: pattern, by: bytes) }
    case .canonical(let composed, let compatibility):
      text.rewrite { source, range, result in
        guard !source.isPlain(range) else { return result.append(source, range) }
        result.append(
          source, range,
          transformed: { scalars in
            composed
              ? CanonicalText.shared.composed(scalars, compatibility: compatibility)
              : CanonicalText.shared.decomposed(scalars, compatibility: compatibility)
          })
      }
    case .lowercase:
      text.rewrite { source, range, result in
        source.forEachScalar(in: range) { scalar in
          for lower in Self.lowercased(scalar.value) { result.append(lower, from: scalar.start, to: scalar.end) }
        }
      }
    case .precompiled(let map): text.rewrite { map.append($0, $1, to: &$2) }
    case .bert(let bert): bert.apply(to: &text)
    case .nmt:
      text.rewrite { source, range, result in
        source.forEachScalar(in: range) { scalar in
          guard let value = Self.cleaned(scalar.value) else { return }
          result.append(value, from: scalar.start, to: scalar.end)
        }
      }
    case .byteAlphabet: text.rewrite { $2.appendAlphabet(of: $0, $1) }
    case .strip(let left, let right):
      text.rewrite { source, range, result in
        var isLeading = left
        var kept = result.bytes.count
        source.forEachScalar(in: range) { scalar in
          let isSpace = classes[scalar.value].isSpace
          if isLeading, isSpace { return }
          isLeading = false
          result.append(scalar.value, from: scalar.start, to: scalar.end)
          if !isSpace { kept = result.bytes.count }
        }
        if right { result.truncate(to: kept) }
      }
    case .stripAccents:
      text.rewrite { source, range, result in
        source.forEachScalar(in: range) { scalar in
          if !classes[scalar.value].isMark { result.append(scalar.value, from: scalar.start, to: scalar.end) }
        }
      }
    }
  }

  /// What SentencePiece's translation models make of control characters and spaces; nil for those that they drop.
  private static func cleaned(_ scalar: UInt32) -> UInt32? {
    switch scalar {
    case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: nil
    case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD: 0x20
    default: scalar
    }
  }

  private static func lowercased(_ value: UInt32) -> [UInt32] {
    if value < 0x80 { return [value >= 0x41 && value <= 0x5A ? value | 0x20 : value] }
    guard let scalar = Unicode.Scalar(value) else { return [value] }
    return scalar.properties.lowercaseMapping.unicodeScalars.map(\.value)
  }
}

// How the tokenizers package aligns what it inserts and replaces: a new scalar belongs to the scalar before it.
extension AlignedText {
  /// Whether a range is ASCII, which no normalisation form changes.
  func isPlain(_ range: Range<Int>) -> Bool { bytes[range].allSatisfy { $0 < 0x80 } }

  /// Adds what is put before a part of another text; it belongs to the part's first scalar.
  mutating func appendPrefix(_ prefix: [UInt32], of text: AlignedText, _ range: Range<Int>) {
    let length = text.bytes.withUnsafeBufferPointer { $0.scalar(at: range.lowerBound).length }
    let original = text.original(of: range.lowerBound..<range.lowerBound + length)
    for scalar in prefix { append(scalar, from: Int32(original.lowerBound), to: Int32(original.upperBound)) }
  }

  /// Adds a part of another text, each byte as its character of GPT-2's alphabet.
  mutating func appendAlphabet(of text: AlignedText, _ range: Range<Int>) {
    var position = range.lowerBound
    text.forEachScalar(in: range) { scalar in
      for byte in text.bytes[position..<position + scalar.length] {
        append(ByteAlphabet.scalars[Int(byte)], from: scalar.start, to: scalar.end)
      }
      position += scalar.length
    }
  }

  /// Adds a part of another text, matches replaced. What is inserted belongs to the last scalar of the match.
  mutating func append(_ text: AlignedText, _ range: Range<Int>, replacing pattern: TextPattern, by content: [UInt8]) {
    var position = range.lowerBound
    text.bytes.withUnsafeBufferPointer { bytes in
      pattern.forEachMatch(in: bytes, range) { match in
        append(text, position..<match.lowerBound)
        position = match.upperBound
        if position > range.lowerBound {
          let last = bytes.scalarStart(before: position)
          let original = text.original(of: last..<position)
          append(content, from: Int32(original.lowerBound), to: Int32(original.upperBound))
        } else {
          let start = Int32(text.original(of: range).lowerBound)
          append(content, from: start, to: start)
        }
      }
    }
    append(text, position..<range.upperBound)
  }

  /// Adds a part of another text as `transform` makes it.
  mutating func append(
    _ text: AlignedText, _ range: Range<Int>, transformed transform: ([UInt32]) -> [CanonicalText.Change]
  ) {
    var source: [Scalar] = []
    text.forEachScalar(in: range) { source.append($0) }
    var next = 0
    for (scalar, change) in transform(source.map(\.value)) {
      let origin = source[min(change > 0 ? max(next - 1, 0) : next, source.count - 1)]
      append(scalar, from: origin.start, to: origin.end)
      if change <= 0 { next += 1 - change }
    }
  }
}
