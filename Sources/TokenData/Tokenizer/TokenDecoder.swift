// SPDX-License-Identifier: Apache-2.0
import Files

/// How tokens become text again: the `decoder` section of tokenizer.json. Each step maps a list of strings to another.
indirect enum TokenDecoder: Sendable {
  case sequence([TokenDecoder])
  case byteLevel
  case byteFallback
  case fuse
  case metaspace(Metaspace)
  case replace(TextPattern, String)
  case strip(Unicode.Scalar, start: Int, stop: Int)
  case wordPiece(WordPieceDecoder)
  case bytePair(suffix: [UInt8])
  case connectionist(CTCDecoder)

  static let supported = [
    "Sequence", "ByteLevel", "ByteFallback", "Fuse", "Metaspace", "Replace", "Strip", "WordPiece", "BPEDecoder", "CTC",
  ]

  init(_ json: JSONReader) throws(InputError) {
    switch try json.string(at: "type") {
    case "Sequence":
      var steps: [TokenDecoder] = []
      for step in try json.at("decoders").elements() { steps.append(try TokenDecoder(step)) }
      self = .sequence(steps)
    case "ByteLevel": self = .byteLevel
    case "ByteFallback": self = .byteFallback
    case "Fuse": self = .fuse
    case "Metaspace": self = .metaspace(try Metaspace(json))
    case "Replace": self = .replace(try TextPattern(try json.at("pattern")), try json.string(at: "content"))
    case "Strip":
      let content = try json.string(at: "content").unicodeScalars
      guard content.count == 1, let scalar = content.first else {
        throw try json.at("content").error(expected: "one character")
      }
      self = .strip(scalar, start: try json.int(at: "start"), stop: try json.int(at: "stop"))
    case "WordPiece": self = .wordPiece(try WordPieceDecoder(json))
    case "BPEDecoder": self = .bytePair(suffix: try json.pattern(at: "suffix"))
    case "CTC": self = .connectionist(try CTCDecoder(json))
    default: throw try json.at("type").error(expected: "one of " + Self.supported.joined(separator: ", "))
    }
  }

  /// The text of tokens.
  func decode(_ tokens: [ArraySlice<UInt8>]) -> String {
    if case .byteLevel = self { return Self.byteLevel(tokens) }
    return decodeChain(tokens.map { String(decoding: $0, as: UTF8.self) }).joined()
  }

  private static func byteLevel(_ tokens: [ArraySlice<UInt8>]) -> String {
    var bytes: [UInt8] = []
    for token in tokens {
      if let decoded = ByteAlphabet.decode(token) {
        bytes.append(contentsOf: decoded)
      } else {
        bytes.append(contentsOf: token)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The text of a token between others: decoders treat the first and the last token of a text in their own ways, and may
  /// drop repeated ones.
  func textInside(_ token: ArraySlice<UInt8>) -> String {
    let neighbour = Array("\u{E000}".utf8)[...]
    return String(decode([neighbour, token, neighbour]).unicodeScalars.dropFirst().dropLast(partsTokens ? 2 : 1))
  }

  /// Whether there is a space before every token that does not say otherwise.
  private var partsTokens: Bool {
    switch self {
    case .wordPiece: true
    case .sequence(let steps): steps.contains(where: \.partsTokens)
    default: false
    }
  }

  private func decodeChain(_ tokens: [String]) -> [String] {
    switch self {
    case .sequence(let steps): return steps.reduce(tokens) { $1.decodeChain($0) }
    case .byteLevel: return [Self.byteLevel(tokens.map { Array($0.utf8)[...] })]
    case .byteFallback: return Self.byteFallback(tokens)
    case .fuse: return [tokens.joined()]
    case .metaspace(let metaspace):
      return tokens.enumerated().map { index, token in
        var result = String.UnicodeScalarView()
        for scalar in token.unicodeScalars {
          if scalar != metaspace.replacement {
            result.append(scalar)
          } else if index > 0 || metaspace.prepend == .never {
            result.append(" ")
          }
        }
        return String(result)
      }
    case .replace(let pattern, let content):
      return tokens.map { token in
        var text = AlignedText(reserving: token.utf8.count)
        text.append(AlignedText(original: token), 0..<token.utf8.count, replacing: pattern, by: Array(content.utf8))
        return String(decoding: text.bytes, as: UTF8.self)
      }
    case .strip(let scalar, let start, let stop):
      return tokens.map { token in
        let scalars = Array(token.unicodeScalars)
        let leading = scalars.prefix(max(start, 0)).prefix { $0 == scalar }.count
        let trailing = scalars.dropFirst(leading).suffix(max(stop, 0)).reversed().prefix { $0 == scalar }.count
        return String(String.UnicodeScalarView(scalars[leading..<scalars.count - trailing]))
      }
    case .wordPiece(let decoder): return decoder.decode(tokens)
    case .bytePair(let suffix):
      return tokens.enumerated().map { index, token in
        String(decoding: Array(token.utf8).replacing(suffix, by: index == tokens.count - 1 ? "" : " "), as: UTF8.self)
      }
    case .connectionist(let decoder): return decoder.decode(tokens)
    }
  }

  /// Runs of tokens `<0xE2>` become the text of their bytes, or one `�` for each byte if they are not UTF-8.
  private static func byteFallback(_ tokens: [String]) -> [String] {
    var result: [String] = []
    var bytes: [UInt8] = []
    func flush() {
      guard !bytes.isEmpty else { return }
      if let text = String(validating: bytes, as: UTF8.self) {
        result.append(text)
      } else {
        result.append(contentsOf: repeatElement("\u{FFFD}", count: bytes.count))
      }
      bytes.removeAll()
    }
    for token in tokens {
      if let byte = Self.byte(token) {
        bytes.append(byte)
      } else {
        flush()
        result.append(token)
      }
    }
    flush()
    return result
  }

  /// The token `<0xE2>` of a byte.
  static func token(ofByte byte: UInt8) -> String {
    let hex = String(byte, radix: 16, uppercase: true)
    return "<0x\(hex.count == 1 ? "0" : "")\(hex)>"
  }

  /// The byte of a token `<0xE2>`.
  static func byte(_ token: String) -> UInt8? {
    let utf8 = Array(token.utf8)
    guard utf8.count == 6, token.hasPrefix("<0x"), utf8[5] == UInt8(ascii: ">") else { return nil }
    return UInt8(String(decoding: utf8[3..<5], as: UTF8.self), radix: 16)
  }
}
