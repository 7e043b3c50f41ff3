// SPDX-License-Identifier: Apache-2.0
import Files

/// How text is cut into words before the model sees it: the `pre_tokenizer` section of tokenizer.json.
indirect enum PreTokenizer: Sendable {
  case sequence([PreTokenizer])
  case split(TextPattern, SplitBehavior, inverted: Bool)
  /// Bytes become the model's characters; the model itself does that part (`isByteLevel`).
  case byteLevel(addPrefixSpace: Bool, useRegex: Bool)
  case digits(individual: Bool)
  case metaspace(Metaspace)
  case whitespace
  case whitespaceSplit
  case punctuation(SplitBehavior)
  /// White space goes, punctuation stands alone.
  case bert
  case scripts
  /// So many characters each.
  case fixedLength(Int)
  /// Bytes become characters here, since the model does not do it: after `byteLevel`.
  case byteAlphabet

  static let supported = [
    "Sequence", "Split", "ByteLevel", "Digits", "Metaspace", "Whitespace", "WhitespaceSplit", "Punctuation",
    "BertPreTokenizer", "UnicodeScripts", "CharDelimiterSplit", "FixedLength",
  ]

  init(_ json: JSONReader) throws(InputError) {
    switch try json.string(at: "type") {
    case "Sequence":
      var steps: [PreTokenizer] = []
      for step in try json.at("pretokenizers").elements() {
        // What follows sees the characters (Falcon).
        if steps.last?.isByteLevel == true { steps.append(.byteAlphabet) }
        steps.append(try PreTokenizer(step))
      }
      self = .sequence(steps)
    case "Split":
      self = .split(
        try TextPattern(try json.at("pattern")), try SplitBehavior(try json.at("behavior")),
        inverted: try json.bool(at: "invert"))
    case "ByteLevel":
      self = .byteLevel(
        addPrefixSpace: try json.bool(at: "add_prefix_space"), useRegex: try json.ifPresent("use_regex")?.bool() ?? true
      )
    case "Digits": self = .digits(individual: try json.bool(at: "individual_digits"))
    case "Metaspace": self = .metaspace(try Metaspace(json))
    case "Whitespace": self = .whitespace
    case "WhitespaceSplit": self = .whitespaceSplit
    case "Punctuation": self = .punctuation(try json.ifPresent("behavior").map(SplitBehavior.init) ?? .isolated)
    case "BertPreTokenizer": self = .bert
    case "UnicodeScripts": self = .scripts
    case "CharDelimiterSplit":
      let delimiter = try json.at("delimiter")
      guard case let text = try delimiter.string(), text.unicodeScalars.count == 1 else {
        throw delimiter.error(expected: "one character")
      }
      self = .split(.literal(Array(text.utf8)), .removed, inverted: false)
    case "FixedLength":
      let length = try json.ifPresent("length")
      self = .fixedLength(try length?.int() ?? 5)
      if let length, try length.int() < 1 { throw length.error(expected: "a number of characters, from 1") }
    default: throw try json.at("type").error(expected: "one of " + Self.supported.joined(separator: ", "))
    }
  }

  /// Whether it ends by turning bytes into the model's characters.
  var isByteLevel: Bool {
    switch self {
    case .byteLevel: true
    case .sequence(let steps): steps.last?.isByteLevel ?? false
    default: false
    }
  }

  /// Cuts, and where it inserts or replaces characters rewrites, every part that is still text.
  func apply(to text: inout SplitText) {
    let classes = UnicodeClasses.shared
    switch self {
    case .sequence(let steps):
      for step in steps { step.apply(to: &text) }
    case .split(.words(let scanner), .isolated, _): text.cut(scanner.words)
    case .split(let pattern, let behavior, let inverted):
      text.cut { bytes, range, result in
        var cutter = Cutter(behavior, inverted: inverted, range)
        pattern.forEachMatch(in: bytes, range) { cutter.match($0) }
        cutter.finish(&result)
      }
    case .byteLevel(let addPrefixSpace, let useRegex):
      if addPrefixSpace {
        text.rewrite { source, range, result in
          if source.bytes[range.lowerBound] != 0x20 { result.appendPrefix([0x20], of: source, range) }
          result.append(source, range)
        }
      }
      if useRegex { text.cut(WordScanner.gpt2.words) }
    case .digits(individual: true): cut(&text, .isolated) { classes[$0].isNumeric }
    case .digits(individual: false): cut(&text, .contiguous) { classes[$0].isNumeric }
    case .metaspace(let metaspace): metaspace.apply(to: &text)
    case .whitespaceSplit: cut(&text, .removed) { classes[$0].isSpace }
    case .punctuation(let behavior): cut(&text, behavior) { classes[$0].isPunctuation }
    case .bert:
      cut(&text, .removed) { classes[$0].isSpace }
      cut(&text, .isolated) { classes[$0].isPunctuation }
    case .scripts: text.cut(UnicodeScripts.shared.cut)
    case .fixedLength(let length):
      text.cut { bytes, range, result in
        var position = range.lowerBound
        while position < range.upperBound {
          let start = position
          var count = 0
          while count < length, position < range.upperBound {
            position += bytes.scalar(at: position).length
            count += 1
          }
          result.append(Split(start..<position))
        }
      }
    case .byteAlphabet: text.rewrite { $2.appendAlphabet(of: $0, $1) }
    case .whitespace:
      // \w+|[^\w\s]+
      func kind(_ scalar: UInt32) -> Int { classes[scalar].isRustWord ? 1 : classes[scalar].isSpace ? 0 : 2 }
      text.cut { bytes, range, result in
        var position = range.lowerBound
        while position < range.upperBound {
          let start = position
          let wanted = kind(bytes.scalar(at: start).value)
          while position < range.upperBound, case let (value, length) = bytes.scalar(at: position),
            kind(value) == wanted
          {
            position += length
          }
          if wanted != 0 { result.append(Split(start..<position)) }
        }
      }
    }
  }

  /// Cuts at every scalar that `isDelimiter`.
  private func cut(_ text: inout SplitText, _ behavior: SplitBehavior, at isDelimiter: (UInt32) -> Bool) {
    text.cut { bytes, range, result in
      if behavior == .isolated { return Self.isolate(bytes, range, &result, isDelimiter) }
      var cutter = Cutter(behavior, range)
      var position = range.lowerBound
      while position < range.upperBound {
        let (value, length) = bytes.scalar(at: position)
        if isDelimiter(value) { cutter.match(position..<position + length) }
        position += length
      }
      cutter.finish(&result)
    }
  }

  /// The case of every digit by itself, which is worth a path without the cutter's list.
  private static func isolate(
    _ bytes: UTF8Bytes, _ range: Range<Int>, _ result: inout [Split], _ isDelimiter: (UInt32) -> Bool
  ) {
    var start = range.lowerBound
    var position = start
    while position < range.upperBound {
      let (value, length) = bytes.scalar(at: position)
      if isDelimiter(value) {
        if start < position { result.append(Split(start..<position)) }
        result.append(Split(position..<position + length))
        start = position + length
      }
      position += length
    }
    if start < position { result.append(Split(start..<position)) }
  }
}

/// Spaces written as `▁`, as SentencePiece does; both a pre-tokenizer and a decoder.
struct Metaspace: Sendable {
  enum Prepend: String, CaseIterable, Sendable { case always, first, never }

  let replacement: Unicode.Scalar
  let prepend: Prepend
  let splits: Bool

  init(_ json: JSONReader) throws(InputError) {
    let text = try json.string(at: "replacement").unicodeScalars
    guard text.count == 1, let replacement = text.first else {
      throw try json.at("replacement").error(expected: "one character")
    }
    self.replacement = replacement
    splits = try json.ifPresent("split")?.bool() ?? true
    var prepend = Prepend.always
    if let scheme = try json.ifPresent("prepend_scheme") {
      guard let known = Prepend(rawValue: try scheme.string()) else {
        throw scheme.error(expected: "always, first or never")
      }
      prepend = known
    }
    if let addsSpace = try json.ifPresent("add_prefix_space"), try !addsSpace.bool() {
      let hasScheme = try json.ifPresent("prepend_scheme") != nil
      guard prepend == .never || !hasScheme else {
        throw addsSpace.error(expected: "true, as prepend_scheme says")
      }
      prepend = .never
    }
    self.prepend = prepend
  }

  func apply(to text: inout SplitText) {
    let mark = replacement.value
    text.rewrite { source, range, result in
      let first = source.bytes.withUnsafeBufferPointer { $0.scalar(at: range.lowerBound).value }
      let isAtStart = source.original(of: range).lowerBound == 0
      if first != 0x20, first != mark, prepend == .always || prepend == .first && isAtStart {
        result.appendPrefix([mark], of: source, range)
      }
      source.forEachScalar(in: range) { scalar in
        result.append(scalar.value == 0x20 ? mark : scalar.value, from: scalar.start, to: scalar.end)
      }
    }
    guard splits else { return }
    text.cut { bytes, range, result in
      var cutter = Cutter(.mergedWithNext, range)
      var position = range.lowerBound
      while position < range.upperBound {
        let (value, length) = bytes.scalar(at: position)
        if value == mark { cutter.match(position..<position + length) }
        position += length
      }
      cutter.finish(&result)
    }
  }
}
