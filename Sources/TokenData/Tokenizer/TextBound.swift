// SPDX-License-Identifier: Apache-2.0
/// The most text that a token can stand for, from which the fewest tokens of a text follow without making them.
///
/// A server refuses by it what is far too long before it spends time on it. It never says more than there are: what
/// tokenizers may drop on the way is not counted.
public struct TextBound: Sendable, Hashable {
  /// UTF-8 bytes of a text that one token stands for at most.
  public let bytesPerToken: Int
  /// Whether white space anywhere may vanish without a token.
  let losesSpace: Bool
  /// For every byte whether the vocabulary lacks it, so that it may vanish; empty where none does.
  let dropped: [Bool]

  /// The least number of tokens that a text can become.
  public func fewestTokens(of text: String) -> Int { counted(text) / bytesPerToken }

  /// Bytes that cannot vanish. White space at the ends is none of them: templates and normalizers trim.
  private func counted(_ text: String) -> Int {
    var text = text
    return text.withUTF8 { bytes in
      let classes = UnicodeClasses.shared
      var position = 0, visible = 0, first: Int?, last = 0
      while position < bytes.count {
        let (value, length) = bytes[position] < 0x80 ? (UInt32(bytes[position]), 1) : bytes.scalar(at: position)
        if value < 0x80 ? value > 0x20 : !classes[value].isSpace {
          visible += dropped.isEmpty ? length : bytes[position..<position + length].count { !dropped[Int($0)] }
          first = first ?? position
          last = position + length
        }
        position += length
      }
      return losesSpace || !dropped.isEmpty ? visible : last - (first ?? last)
    }
  }
}

extension Tokenizer {
  /// The most text that a token can stand for; nil where there is no such bound, since the tokenizer drops text or
  /// makes one token of a run of any length. Looks at every token: keep it.
  public var textBound: TextBound? {
    let change = normalizer.map { TextChange($0) } ?? TextChange()
    let cutting = preTokenizer.map { TextChange($0) } ?? TextChange()
    // A model of bytes that lacks some of them drops these, which are not counted then.
    var bytes: BytePairModel?
    if case .bytePair(let model) = model, model.isByteLevel { bytes = model }
    guard let shrinks = change.shrinks, cutting.shrinks != nil,
      let longest = model.model.longest ?? (normalizer == nil ? bytes?.longestToken : nil)
    else { return nil }
    let most = max(longest, added.tokens.values.map { max($0.content.utf8.count, $0.pattern.utf8.count) }.max() ?? 0)
    let strips = added.tokens.values.contains { $0.stripsLeft || $0.stripsRight }
    let losesSpace = change.losesSpace || cutting.losesSpace || strips
    // What a normalizer writes as white space could vanish further on.
    guard !(losesSpace && change.writesSpace) else { return nil }
    return TextBound(
      bytesPerToken: max(1, most * shrinks), losesSpace: losesSpace,
      dropped: model.model.longest == nil ? bytes!.symbols.map { $0 < 0 } : [])
  }
}

extension BytePairModel {
  var longest: Int? {
    if isByteLevel ? symbols.contains(-1) : byteTokens?.contains(nil) ?? true {
      guard unknown != nil, !fusesUnknown else { return nil }
    }
    return longestToken
  }

  fileprivate var longestToken: Int {
    // A character that the vocabulary lacks has four bytes at most.
    (0..<Int32(vocabulary.count)).reduce(4) { longest, id in
      guard let token = vocabulary.bytes(of: id) else { return longest }
      return max(longest, isByteLevel ? ByteAlphabet.decode(token)?.count ?? token.count : token.count)
    }
  }
}

/// Change of a text's length by a step before the model.
private struct TextChange {
  /// How many times fewer bytes there may be than before; nil for any number.
  var shrinks: Int? = 1
  var losesSpace = false
  var writesSpace = false

  init() {}

  init(_ normalizer: Normalizer) {
    switch normalizer {
    case .sequence(let steps):
      for step in steps.map({ TextChange($0) }) {
        // A long chain is no bound worth having.
        shrinks = shrinks.flatMap { before in step.shrinks.flatMap { $0 <= 1000 / before ? before * $0 : nil } }
        losesSpace = losesSpace || step.losesSpace
        writesSpace = writesSpace || step.writesSpace
      }
    case .prepend(let text): writesSpace = text.contains(where: \.isWhitespace)
    case .replace(.literal(let pattern), let content):
      writesSpace = content.contains(where: \.isWhitespace)
      if pattern.allSatisfy({ $0 == 0x20 }) {
        losesSpace = content.utf8.count < pattern.count
      } else {
        shrinks = content.isEmpty ? nil : max(1, (pattern.count + content.utf8.count - 1) / content.utf8.count)
      }
    case .replace: shrinks = nil
    // Found by trying all of Unicode: 3.5 times (U+0390 of U+1FBE and two marks), 4 and composition for compatibility.
    case .canonical(_, let compatibility): shrinks = compatibility ? 6 : 4
    // U+212A, the Kelvin sign: three bytes become k.
    case .lowercase: shrinks = 3
    case .strip: losesSpace = true
    case .stripAccents, .precompiled, .bert, .nmt: shrinks = nil
    case .byteAlphabet: break
    }
  }

  init(_ preTokenizer: PreTokenizer) {
    switch preTokenizer {
    case .sequence(let steps):
      for step in steps.map({ TextChange($0) }) {
        if step.shrinks == nil { shrinks = nil }
        losesSpace = losesSpace || step.losesSpace
      }
    case .split(_, let behavior, _), .punctuation(let behavior): if behavior == .removed { shrinks = nil }
    case .scripts: shrinks = nil
    case .whitespace, .whitespaceSplit, .bert: losesSpace = true
    case .byteLevel, .byteAlphabet, .digits, .metaspace, .fixedLength: break
    }
  }
}
