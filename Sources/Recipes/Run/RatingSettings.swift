// SPDX-License-Identifier: Apache-2.0
import Files
import TokenData

/// The `reward` section: `reward: helpsteer2`, or where the parts of rated responses are.
extension RatingReader: SettingsSection {
  private enum Layout: String, NamedSetting { case helpsteer2 }
  private enum Words: String, NamedSetting { case judge, none }

  mutating func visit(_ keys: any SettingsKeys) throws {
    var layout: Layout? = keys.isReading || !isHelpSteer2 ? nil : .helpsteer2
    try keys.value("data", &layout)
    try keys.value("prompt", &prompt)
    try keys.value("response", &response)
    var attributes =
      keys.isReading || layout != nil ? [] : zip(template.attributes, self.attributes).map(Attribute.init)
    try keys.sections("attributes", &attributes, new: Attribute())
    var overall = keys.written(self.overall).map { OverallScore(template.overall, $0) }
    try keys.optionalWordOrSection("overall", word: "field", &overall, new: OverallScore())
    try visitInstruction(keys)
    try keys.value("longestPrompt", &longestPrompt, in: SettingRange.counts, "a number of characters")
    try keys.value("longestResponse", &longestResponse, in: SettingRange.counts, "a number of characters")
    if keys.isReading { try take(layout, attributes.map(\.score), overall?.score, keys) }
  }

  private var isHelpSteer2: Bool {
    let usual = RatingReader.helpSteer2
    return overall == nil && attributes == usual.attributes && template.scales == usual.template.scales
  }

  private mutating func visitInstruction(_ keys: any SettingsKeys) throws {
    var words: Words?, text: String?
    switch keys.written(template.instruction) {
    case .judge: words = .judge
    case .some(.none): words = Words.none
    case .text(let own): text = own
    case nil: break
    }
    try keys.value("instruction", &words)
    try keys.value("instructionText", &text)
    try keys.refuse(
      if: words != nil && text != nil, "instructionText", expected: "either instruction or instructionText",
      found: "both")
    guard keys.isReading else { return }
    template.instruction = text.map { .text($0) } ?? (words == Words.none ? .none : .judge)
  }

  /// Takes the scores that a file names.
  private mutating func take(
    _ layout: Layout?, _ scores: [RatedScale], _ overall: RatedScale?, _ keys: any SettingsKeys
  ) throws {
    if layout == .helpsteer2, !scores.isEmpty || overall != nil {
      throw keys.error(
        "attributes", expected: "nothing besides data: helpsteer2, which has its own", found: "attributes or overall",
        remedy: "Leave out `data` to name your own fields.")
    }
    if layout == nil, scores.isEmpty, overall == nil {
      throw keys.error(
        nil, expected: "helpsteer2, or fields with scores", found: "neither attributes nor overall",
        remedy: "For instance: overall: { field: score, range: [1, 5] }.")
    }
    if let twice = scores.map(\.scale.name).first(where: { name in
      ["overall", "attributes", "facets"].contains(name) || scores.count { $0.scale.name == name } > 1
    }) {
      throw keys.error("attributes", expected: "names of their own, not overall or attributes", found: "\"\(twice)\"")
    }
    guard layout == nil else { return }
    template.attributes = scores.map(\.scale)
    template.overall = try overall?.scale ?? RatingTemplate.Scale("overall", Self.sum(of: template.attributes, keys))
    (attributes, self.overall) = (scores.map(\.source), overall?.source)
  }

  /// The scores that an overall score can take which is the sum of all attributes'.
  private static func sum(of attributes: [RatingTemplate.Scale], _ keys: any SettingsKeys) throws -> ClosedRange<Int> {
    // No scale goes beyond 999, so a list would have to be longer than any file to overflow.
    let sum = attributes.map(\.range).reduce((0, 0)) { ($0.0 + $1.lowerBound, $0.1 + $1.upperBound) }
    guard sum.1 <= RatedScale.scores.upperBound else {
      throw keys.error(
        "attributes",
        expected: "scores whose greatest sum, the overall score, is at most \(RatedScale.scores.upperBound)",
        found: "\(sum.1)", remedy: "Give `overall` a field of its own, or the attributes narrower `scores`.")
    }
    return sum.0...sum.1
  }
}

/// A score of the data, and the whole numbers it is written as.
private struct RatedScale {
  private enum Direction: String, NamedSetting { case higherIsBetter, lowerIsBetter }

  /// Scores that can be written: the answer's template is made for each score, and all are held.
  static let scores = 0...999

  var scale = RatingTemplate.Scale("", 0...1)
  var source = RatingReader.Source(field: "", range: 0...1)

  /// The keys but for the name and the field.
  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.required("range", &source.range, "[low, high], the field's least and greatest number") {
      // The scores' places in it are shares of its width.
      $0.lowerBound < $0.upperBound && ($0.upperBound - $0.lowerBound).isFinite
    }
    var scores = keys.written(scale.range)
    try keys.value("scores", &scores, "[low, high], whole numbers from 0 to 999") {
      $0.lowerBound < $0.upperBound && $0.clamped(to: Self.scores) == $0
    }
    var direction: Direction = source.isReversed ? .lowerIsBetter : .higherIsBetter
    try keys.value("direction", &direction)
    source.isReversed = direction == .lowerIsBetter
    try keys.value("explanation", &scale.explanation)
    guard keys.isReading else { return }
    let range = source.range
    let whole = Int(exactly: range.lowerBound).flatMap { low in Int(exactly: range.upperBound).map { low...$0 } }
    guard let scores = scores ?? whole, scores.clamped(to: Self.scores) == scores else {
      throw keys.error(
        "scores",
        expected: "whole numbers from 0 to 999 to write the scores with, as the range is "
          + "\(range.lowerBound) … \(range.upperBound)",
        found: "none", remedy: "For instance scores: [0, 10].")
    }
    scale.range = scores
  }
}

/// One of `attributes`.
private struct Attribute: SettingsSection {
  var score = RatedScale()

  init() {}

  init(_ scale: RatingTemplate.Scale, _ source: RatingReader.Source) {
    (score.scale, score.source) = (scale, source)
  }

  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.required("name", &score.scale.name)
    var field = keys.written(score.source.field)
    try keys.value("field", &field)
    score.source.field = field ?? score.scale.name
    try score.visit(keys)
  }
}

/// `overall`
private struct OverallScore: SettingsSection {
  var score = RatedScale(scale: RatingTemplate.Scale("overall", 0...1))

  init() {}

  init(_ scale: RatingTemplate.Scale, _ source: RatingReader.Source) {
    (score.scale, score.source) = (scale, source)
  }

  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.required("field", &score.source.field)
    try score.visit(keys)
  }
}
