// SPDX-License-Identifier: Apache-2.0
import Files
public import MetricTokens
public import Objectives
public import TokenData

/// One metric of a run file: which tokens, where, and how far apart they are.
public struct MetricSettings: Sendable, Hashable {
  /// The candidates.
  public enum Tokens: Sendable, Hashable {
    /// 0 … 9
    case digits
    /// Every numeric string of the vocabulary.
    case numbers
    /// Whole numbers, each one token.
    case integers(ClosedRange<Int>)
    /// Whole numbers from 0 to 999: as `integers` where the tokenizer writes each as one token, else as `digits`.
    case scores(ClosedRange<Int>)
    /// Words, each one token.
    case labels([String])
    /// Tokens with values.
    case bins([Bin])
    /// A block of consecutive ids.
    case codebook(first: Int, count: Int)
  }

  /// A token with its value.
  public struct Bin: Sendable, Hashable {
    /// The token's text.
    public var token: String
    /// Its value.
    public var value: Double
  }

  /// What results call it.
  public var name: String
  /// The candidates.
  public var tokens: Tokens
  /// Whether candidates begin with a space.
  public var spacing: Spacing
  /// What becomes of several tokens with one value.
  public var duplicates: Duplicates
  /// Where in a record its numbers stand.
  public var region: MetricRegion
  /// How numbers are written.
  public var grammar: NumberGrammar
  /// How far apart two candidates are.
  public var distance: DistanceChoice
  /// τ; nil: that of the objective.
  public var temperature: Temperature?
  /// Weights of digits by their place.
  public var place: PlaceRule
  /// Contrastive examples that targets are extended by.
  public var contrast: Contrast
  /// Factor of α.
  public var weight: Double
  /// How numbers are taught as whole values, where they are.
  public var whole: WholeValueSettings

  init(_ reader: SettingsReader) throws {
    tokens = try reader.wordOrSection("tokens", word: "kind", default: nil) { try Tokens($0) }
    name = try reader.value("name", default: "dist")
    spacing = try reader.value("spacing", default: .plain)
    duplicates = try reader.value("duplicates", default: .dropped)
    region = try reader.wordOrSection("where", word: "in", default: "answer") { try MetricRegion($0) }
    grammar = try reader.section("grammar") { grammar in
      NumberGrammar(
        signs: try grammar.value("signs", default: true), decimals: try grammar.value("decimals", default: true),
        // Null, as runs begun before `auto` have it, is what it was then.
        thousands: try grammar.value("thousands", default: grammar.isNull("thousands") ? .never : .auto))
    }
    distance = try reader.wordOrSection("distance", word: "name", default: "squared") { try DistanceChoice($0) }
    temperature = try reader.optional("temperature")
    place = try reader.value("place", default: .number)
    contrast = try reader.wordOrSection("contrast", word: "kind", default: "none") { try Contrast($0) }
    whole = try WholeValueSettings(reader)
    weight = try reader.value("weight", default: 1, in: SettingRange.factors)
  }

  mutating func makeAbsolute(from folder: String) {
    distance.embeddings = distance.embeddings.map { pathInRunFile($0, from: folder) }
  }
}

extension MetricSettings.Tokens {
  /// Whether they have values.
  var areNumbers: Bool {
    switch self {
    case .labels, .codebook: false
    default: true
    }
  }

  private enum Kind: String, NamedSetting { case digits, numbers, integers, labels, bins, codebook }

  init(_ reader: SettingsReader) throws {
    // `tokens: digits`, or `tokens: { integers: [0, 20] }`.
    let kind: Kind? = try reader.optional("kind")
    let integers: ClosedRange<Int>? = try reader.optional("integers")
    let scores: ClosedRange<Int>? = try reader.optional("scores", "[low, high], from 0 to 999") {
      $0.lowerBound >= 0 && $0.upperBound <= 999
    }
    let labels: [String]? = try reader.optional("labels")
    let bins = try reader.optionalSection("bins") { try Self.bins($0) }
    let codebook = try reader.optionalSection("codebook") { book in
      Self.codebook(
        first: try book.value("first", default: 0, in: 0...1_000_000_000, "an id"),
        count: try book.required("count", in: 2...1_000_000_000))
    }
    let given = [
      integers.map(Self.integers), scores.map(Self.scores), labels.map(Self.labels), bins.map(Self.bins), codebook,
    ].compactMap { $0 }
    switch (kind, given.count) {
    case (.digits, 0): self = .digits
    case (.numbers, 0): self = .numbers
    case (nil, 1): self = given[0]
    default:
      throw reader.error(
        nil,
        expected: "digits, numbers, or one of { integers: [0, 20] }, { labels: […] }, { bins: … }, { codebook: … }",
        found: given.count > 1 ? "several" : kind.map { "\($0.rawValue) without its values" } ?? "none")
    }
  }

  /// `{ pattern: "<loc_{}>", count: 100, range: [0, 1] }`, or `{ tokens: […], values: […] }`.
  private static func bins(_ reader: SettingsReader) throws -> [MetricSettings.Bin] {
    let pattern: String? = try reader.optional("pattern", "text with {} where the number goes") { $0.contains("{}") }
    let count: Int? = try reader.optional("count", in: 2...1_000_000)
    let range: ClosedRange<Double>? = try reader.optional("range", "[low, high], from -1e12 to 1e12") {
      $0.clamped(to: SettingRange.values) == $0
    }
    let tokens: [String]? = try reader.optional("tokens")
    let values: [Double]? = try reader.optional("values", "a list of numbers from -1e12 to 1e12") {
      $0.allSatisfy(SettingRange.values.contains)
    }
    if let pattern, let count {
      let range = range ?? 0...Double(count - 1)
      return (0..<count).map { index in
        MetricSettings.Bin(
          token: pattern.replacing("{}", with: "\(index)"),
          value: range.lowerBound + (range.upperBound - range.lowerBound) * Double(index) / Double(count - 1))
      }
    }
    if let tokens, let values, tokens.count == values.count {
      return zip(tokens, values).map { MetricSettings.Bin(token: $0, value: $1) }
    }
    throw reader.error(
      nil, expected: "{ pattern: \"<loc_{}>\", count: 100, range: [0, 1] } or { tokens: […], values: […] }",
      found: tokens != nil ? "\(tokens?.count ?? 0) tokens and \(values?.count ?? 0) values" : "neither")
  }
}

extension MetricRegion {
  private enum Kind: String, NamedSetting { case answer }

  init(_ reader: SettingsReader) throws {
    let kind: Kind? = try reader.optional("in")
    let delimiters: [String]? = try reader.optional("delimiters", "two delimiters, such as [\"<b>\", \"</b>\"]") {
      $0.count == 2 && !$0.contains("")
    }
    let spans: String? = try reader.optional("spans")
    switch (kind, delimiters, spans) {
    case (.answer?, nil, nil): self = .answer
    case (nil, let delimiters?, nil): self = .delimiters(Delimiters(delimiters[0], delimiters[1]))
    case (nil, nil, let spans?): self = .spans(spans)
    default:
      throw reader.error(
        nil, expected: "answer, { delimiters: [\"<b>\", \"</b>\"] } or { spans: name }",
        found: "none or several of them")
    }
  }
}

extension Contrast {
  private enum Kind: String, NamedSetting { case none }

  init(_ reader: SettingsReader) throws {
    let kind: Kind? = try reader.optional("kind")
    let radius: Int = try reader.value("radius", default: 1, in: SettingRange.counts)
    let passes: Int = try reader.value("passes", default: 2, "1 or 2") { $0 == 1 || $0 == 2 }
    let range: ClosedRange<Double>? = try reader.optional("range")
    self =
      kind != nil ? .none : passes == 1 ? .shared(radius: radius, range: range) : .twoPass(radius: radius, range: range)
  }
}

extension NumberGrammar.Thousands: NamedSetting {}
