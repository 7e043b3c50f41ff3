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
    /// Tokens of one pattern with values at equal distances: `<loc_{}>` with 0 … count − 1 in place of `{}`, or of
    /// `{:04}` with at least four digits. A range of nil has these numbers themselves as values.
    case numberedBins(pattern: String, count: Int, range: ClosedRange<Double>? = nil)
    /// Consecutive ids whose values go at equal distances from that of the first to that of the last.
    case ids(first: Int, count: Int, from: Double, to: Double)
    /// A block of consecutive ids.
    case codebook(first: Int, count: Int)
  }

  /// A token with its value.
  public struct Bin: Sendable, Hashable {
    /// The token's text.
    public var token: String
    /// Its value.
    public var value: Double

    /// Memberwise.
    public init(token: String, value: Double) { (self.token, self.value) = (token, value) }
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

  /// Memberwise; the defaults are the run file's.
  public init(
    name: String = "dist", tokens: Tokens, spacing: Spacing = .plain, duplicates: Duplicates = .dropped,
    in region: MetricRegion = .answer, grammar: NumberGrammar = NumberGrammar(),
    distance: DistanceChoice = DistanceChoice("squared"), temperature: Temperature? = nil, place: PlaceRule = .number,
    contrast: Contrast = .none, weight: Double = 1, whole: WholeValueSettings = WholeValueSettings()
  ) {
    (self.name, self.tokens, self.spacing, self.duplicates) = (name, tokens, spacing, duplicates)
    (self.region, self.grammar, self.distance, self.temperature) = (region, grammar, distance, temperature)
    (self.place, self.contrast, self.weight, self.whole) = (place, contrast, weight, whole)
  }
}

extension MetricSettings: SettingsSection {
  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.wordOrSection("tokens", word: "kind", &tokens, isRequired: true)
    try keys.value("name", &name)
    try keys.refuse(
      if: name.orNoName != name, "name", expected: "a name", found: "an empty text",
      remedy: "Without the key it is called dist.")
    try keys.value("spacing", &spacing)
    try keys.value("duplicates", &duplicates)
    try keys.wordOrSection("where", word: "in", &region)
    try keys.section("grammar", &grammar)
    try keys.wordOrSection("distance", word: "name", &distance)
    try keys.value("temperature", &temperature)
    try keys.value("place", &place)
    try keys.wordOrSection("contrast", word: "kind", &contrast)
    try whole.visit(keys)
    try keys.value("weight", &weight, in: SettingRange.factors)
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

  /// A pattern with a number in place of `{}`, or of `{:0n}` with n = 1 … 9 digits at least.
  static func numbered(_ pattern: String, _ number: Int) -> String {
    let text = String(number), plain = pattern.replacing("{}", with: text)
    // A million tokens may be named so, and most patterns have no such part.
    guard plain.contains("{:0") else { return plain }
    return plain.replacing(#/\{:0([1-9])\}/#) { match in
      String(repeating: "0", count: max(0, (Int(match.1) ?? 0) - text.utf8.count)) + text
    }
  }

  /// Tokens with values, where they are given one by one or by a pattern.
  public var bins: [MetricSettings.Bin]? {
    switch self {
    case .bins(let bins): return bins
    case .numberedBins(let pattern, let count, let range):
      let range = range ?? 0...Double(count - 1)
      return (0..<count).map { index in
        MetricSettings.Bin(
          token: Self.numbered(pattern, index),
          value: range.lowerBound + (range.upperBound - range.lowerBound) * Double(index) / Double(count - 1))
      }
    default: return nil
    }
  }
}

extension MetricSettings.Tokens: SettingsSection {
  private enum Kind: String, NamedSetting { case digits, numbers, integers, scores, labels, bins, ids, codebook }

  /// `tokens: digits`, or `tokens: { integers: [0, 20] }`.
  mutating func visit(_ keys: any SettingsKeys) throws {
    var kind: Kind?, integers: ClosedRange<Int>?, scores: ClosedRange<Int>?, labels: [String]?
    var bins: BinKeys?, ids: IDKeys?, codebook: CodebookKeys?
    switch keys.written(self) {
    case .digits: kind = .digits
    case .numbers: kind = .numbers
    case .integers(let range): integers = range
    case .scores(let range): scores = range
    case .labels(let texts): labels = texts
    case .bins(let list): bins = BinKeys(tokens: list.map(\.token), values: list.map(\.value))
    case .numberedBins(let pattern, let count, let range): bins = BinKeys(pattern: pattern, count: count, range: range)
    case .ids(let first, let count, let low, let high): ids = IDKeys(first: first, count: count, values: [low, high])
    case .codebook(let first, let count): codebook = CodebookKeys(first: first, count: count)
    case nil: break
    }
    try keys.value("kind", &kind)
    try keys.value("integers", &integers)
    try keys.value("scores", &scores, "[low, high], from 0 to 999") { $0.lowerBound >= 0 && $0.upperBound <= 999 }
    try keys.value("labels", &labels)
    try keys.refuse(
      if: labels?.contains("") == true, "labels", expected: "words, each of them one token", found: "an empty text")
    try keys.optionalSection("bins", &bins, new: BinKeys())
    try keys.optionalSection("ids", &ids, new: IDKeys())
    try keys.optionalSection("codebook", &codebook, new: CodebookKeys())
    guard keys.isReading else { return }
    let given: [Self] = [
      integers.map { .integers($0) }, scores.map { .scores($0) }, labels.map { .labels($0) }, bins?.tokenChoice,
      ids.map { .ids(first: $0.first, count: $0.count, from: $0.values[0], to: $0.values[1]) },
      codebook.map { .codebook(first: $0.first, count: $0.count) },
    ].compactMap { $0 }
    switch (kind, given.count) {
    case (.digits, 0): self = .digits
    case (.numbers, 0): self = .numbers
    case (nil, 1): self = given[0]
    default:
      throw keys.error(
        nil,
        expected: "digits, numbers, or one of { integers: [0, 20] }, { scores: [0, 10] }, { labels: […] }, "
          + "{ bins: … }, { ids: … }, { codebook: … }",
        found: given.count > 1 ? "several" : kind.map { "\($0.rawValue) without its values" } ?? "none")
    }
  }
}

/// `{ first: 31744, count: 256, values: [256, 1] }`
private struct IDKeys: SettingsSection {
  var first = 0, count = 2, values = [0.0, 1.0]

  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.required("first", &first, in: 0...1_000_000_000, "an id")
    try keys.required("count", &count, in: 2...1_000_000)
    try keys.required("values", &values, "[of the first, of the last], two different numbers from -1e12 to 1e12") {
      $0.count == 2 && $0[0] != $0[1] && $0.allSatisfy(SettingRange.values.contains)
    }
  }
}

/// `{ first: 0, count: 16384 }`
private struct CodebookKeys: SettingsSection {
  var first = 0, count = 2

  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.value("first", &first, in: 0...1_000_000_000, "an id")
    try keys.required("count", &count, in: 2...1_000_000_000)
  }
}

/// `{ pattern: "<loc_{}>", count: 100, range: [0, 1] }`, or `{ tokens: […], values: […] }`.
private struct BinKeys: SettingsSection {
  var pattern: String?, count: Int?, range: ClosedRange<Double>?
  var tokens: [String]?, values: [Double]?

  /// The tokens they say; nil while they say none.
  var tokenChoice: MetricSettings.Tokens? {
    if let pattern, let count { return .numberedBins(pattern: pattern, count: count, range: range) }
    guard let tokens, let values else { return nil }
    return .bins(zip(tokens, values).map { MetricSettings.Bin(token: $0, value: $1) })
  }

  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.value("pattern", &pattern, "text with {} where the number goes, or {:04} for one of four digits") {
      MetricSettings.Tokens.numbered($0, 0) != $0
    }
    try keys.value("count", &count, in: 2...1_000_000)
    try keys.value("range", &range, "[low, high], from -1e12 to 1e12") { $0.clamped(to: SettingRange.values) == $0 }
    try keys.value("tokens", &tokens)
    try keys.value("values", &values, "numbers from -1e12 to 1e12") {
      $0.allSatisfy(SettingRange.values.contains)
    }
    try keys.refuse(
      if: pattern == nil || count == nil ? tokens == nil || values?.count != tokens?.count : false, nil,
      expected: "{ pattern: \"<loc_{}>\", count: 100, range: [0, 1] } or { tokens: […], values: […] }",
      found: tokens != nil ? "\(tokens?.count ?? 0) tokens and \(values?.count ?? 0) values" : "neither")
  }
}

extension MetricRegion: SettingsSection {
  private enum Kind: String, NamedSetting { case answer }

  mutating func visit(_ keys: any SettingsKeys) throws {
    var kind: Kind?, delimiters: [String]?, spans: String?
    switch keys.written(self) {
    case .answer: kind = .answer
    case .delimiters(let pair): delimiters = [pair.open, pair.close]
    case .spans(let name): spans = name
    case nil: break
    }
    try keys.value("in", &kind)
    try keys.value("delimiters", &delimiters, "two delimiters, such as [\"<b>\", \"</b>\"]") {
      $0.count == 2 && !$0.contains("")
    }
    try keys.value("spans", &spans)
    guard keys.isReading else { return }
    switch (kind, delimiters, spans) {
    case (.answer?, nil, nil): self = .answer
    case (nil, let delimiters?, nil): self = .delimiters(Delimiters(delimiters[0], delimiters[1]))
    case (nil, nil, let spans?): self = .spans(spans)
    default:
      throw keys.error(
        nil, expected: "answer, { delimiters: [\"<b>\", \"</b>\"] } or { spans: name }",
        found: "none or several of them")
    }
  }
}

extension Contrast: SettingsSection {
  private enum Kind: String, NamedSetting { case none }

  mutating func visit(_ keys: any SettingsKeys) throws {
    var kind: Kind?, radius = 1, passes = 2, range: ClosedRange<Double>?
    switch keys.written(self) {
    case .some(.none): kind = Kind.none
    case .shared(let within, let values): (radius, passes, range) = (within, 1, values)
    case .twoPass(let within, let values): (radius, range) = (within, values)
    case nil: break
    }
    try keys.value("kind", &kind)
    try keys.value("radius", &radius, in: SettingRange.counts)
    try keys.value("passes", &passes, "1 or 2") { $0 == 1 || $0 == 2 }
    try keys.value("range", &range)
    guard keys.isReading else { return }
    self =
      kind != nil ? .none : passes == 1 ? .shared(radius: radius, range: range) : .twoPass(radius: radius, range: range)
  }
}

extension NumberGrammar: SettingsSection {
  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.value("signs", &signs)
    try keys.value("decimals", &decimals)
    // Null, as runs begun before `auto` have it, is what it was then.
    if keys.isNull("thousands") { thousands = .never }
    try keys.value("thousands", &thousands)
  }
}

extension NumberGrammar.Thousands: NamedSetting {}
