// SPDX-License-Identifier: Apache-2.0
import Files

/// Ids and places of the tokens of a text.
public struct Encoding: Sendable, Equatable {
  /// Token ids.
  public var ids: [Int32] = []
  /// Which part of the text each token stands for, in Unicode scalars; `0..<0` for tokens that stand for none.
  public var offsets: [Range<Int>] = []
  /// Which tokens come from the text; those before and after it were added by the post-processor (begin of text, …).
  public var body: Range<Int> = 0..<0

  /// No tokens.
  public init() {}
}

/// Post-processing of a text's tokens: the `post_processor` section of tokenizer.json.
indirect enum PostProcessor: Sendable {
  case sequence([PostProcessor])
  /// Offsets without the spaces at the ends of a token, if `trims`.
  case byteLevel(trims: Bool, addPrefixSpace: Bool)
  /// Tokens before and after the text.
  case template(before: [Int32], after: [Int32])

  static let supported = ["Sequence", "ByteLevel", "TemplateProcessing", "RobertaProcessing", "BertProcessing"]

  /// - Parameter count: ids are below it.
  init(_ json: JSONReader, count: Int) throws(InputError) {
    switch try json.string(at: "type") {
    case "Sequence":
      var steps: [PostProcessor] = []
      for step in try json.at("processors").elements() { steps.append(try PostProcessor(step, count: count)) }
      self = .sequence(steps)
    case "ByteLevel": self = try Self.byteLevel(json)
    case "TemplateProcessing": self = try Self.template(json, count)
    case "BertProcessing": self = try Self.framed(json, count)
    case "RobertaProcessing": self = .sequence([try Self.byteLevel(json), try Self.framed(json, count)])
    default: throw try json.at("type").error(expected: "one of " + Self.supported.joined(separator: ", "))
    }
  }

  private static func byteLevel(_ json: JSONReader) throws(InputError) -> PostProcessor {
    .byteLevel(trims: try json.bool(at: "trim_offsets"), addPrefixSpace: try json.bool(at: "add_prefix_space"))
  }

  /// `"cls": ["<s>", 0]` and `"sep": ["</s>", 2]` around the text.
  private static func framed(_ json: JSONReader, _ count: Int) throws(InputError) -> PostProcessor {
    func token(_ key: String) throws(InputError) -> Int32 {
      let pair = try json.at(key)
      guard case let items = try pair.elements(), items.count == 2 else { throw pair.error(expected: "[token, id]") }
      return try id(items[1], count)
    }
    return .template(before: [try token("cls")], after: [try token("sep")])
  }

  private static func template(_ json: JSONReader, _ count: Int) throws(InputError) -> PostProcessor {
    let single = try json.at("single")
    var sides: [[Int32]] = [[]]
    for piece in try single.elements() {
      if let token = try piece.ifPresent("SpecialToken") {
        let name = try token.string(at: "id")
        for item in try json.at("special_tokens").at(name).at("ids").elements() {
          sides[sides.count - 1].append(try id(item, count))
        }
      } else {
        let sequence = try piece.at("Sequence").at("id")
        guard try sequence.string() == "A" else { throw sequence.error(expected: "A") }
        sides.append([])
      }
    }
    guard sides.count == 2 else {
      throw single.error(expected: "the sequence A once", found: "\(sides.count - 1) times")
    }
    return .template(before: sides[0], after: sides[1])
  }

  private static func id(_ json: JSONReader, _ count: Int) throws(InputError) -> Int32 {
    let id = try json.int()
    guard id >= 0, id < count else { throw json.error(expected: "an id, 0 ..< \(count)") }
    return Int32(id)
  }

  /// Whether it needs to know the spaces of each token.
  var trims: Bool {
    switch self {
    case .sequence(let steps): steps.contains(where: \.trims)
    case .byteLevel(let trims, _): trims
    case .template: false
    }
  }

  /// - Parameter spaces: how many spaces each token begins and ends with, if it `trims`.
  func apply(to encoding: inout Encoding, _ spaces: inout [TokenSpaces], addSpecialTokens: Bool) {
    switch self {
    case .sequence(let steps):
      for step in steps { step.apply(to: &encoding, &spaces, addSpecialTokens: addSpecialTokens) }
    case .byteLevel(trims: false, _): break
    case .byteLevel(trims: true, let addPrefixSpace):
      for index in encoding.offsets.indices where spaces[index].leading > 0 || spaces[index].trailing > 0 {
        var (start, end) = (encoding.offsets[index].lowerBound, encoding.offsets[index].upperBound)
        let leading = Int(spaces[index].leading)
        let trailing = Int(spaces[index].trailing)
        // A single space at the very beginning may be the one that was added, which no offset covers.
        if !(addPrefixSpace && leading == 1 && (index == 0 || start == 0)) { start = min(start + leading, end) }
        if trailing > 0, end >= trailing { end = max(end - trailing, start) }
        encoding.offsets[index] = start..<end
      }
    case .template(let before, let after):
      guard addSpecialTokens else { break }
      encoding.ids = before + encoding.ids + after
      let none = 0..<0
      encoding.offsets =
        before.map { _ in none } + encoding.offsets + after.map { _ in none }
      spaces = before.map { _ in TokenSpaces() } + spaces + after.map { _ in TokenSpaces() }  // they have none
      encoding.body = encoding.body.lowerBound + before.count..<encoding.body.upperBound + before.count
    }
  }
}

/// How many spaces (`Ġ` or white space) a token's text begins and ends with.
struct TokenSpaces: Sendable {
  var leading: UInt32 = 0
  var trailing: UInt32 = 0

  init() {}

  init(_ token: ArraySlice<UInt8>) {
    let classes = UnicodeClasses.shared
    token.withUnsafeBufferPointer { bytes in
      func isSpace(_ scalar: UInt32) -> Bool { scalar == 0x120 || classes[scalar].isSpace }
      var position = 0
      while position < bytes.count, case let (scalar, length) = bytes.scalar(at: position), isSpace(scalar) {
        position += length
        leading &+= 1
      }
      position = bytes.count
      while position > 0, case let start = bytes.scalarStart(before: position), isSpace(bytes.scalar(at: start).value) {
        position = start
        trailing &+= 1
      }
    }
  }
}
