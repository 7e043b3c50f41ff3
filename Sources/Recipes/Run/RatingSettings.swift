// SPDX-License-Identifier: Apache-2.0
import Files
import TokenData

/// The `reward` section: `reward: helpsteer2`, or where the parts of rated responses are.
extension RatingReader {
  private enum Layout: String, NamedSetting { case helpsteer2 }
  private enum Words: String, NamedSetting { case judge, none }

  init(_ reader: SettingsReader) throws {
    let layout: Layout? = try reader.optional("data")
    let prompt: String = try reader.value("prompt", default: "prompt")
    let response: String = try reader.value("response", default: "response")
    let attributes = try reader.sections("attributes") { try RatedScale($0, name: nil) }
    let overall = try reader.optionalWordOrSection("overall", word: "field") { try RatedScale($0, name: "overall") }
    let words: Words? = try reader.optional("instruction")
    let text: String? = try reader.optional("instructionText")
    let longestPrompt: Int? = try reader.optional("longestPrompt", in: SettingRange.counts, "a number of characters")
    let longestResponse: Int? = try reader.optional(
      "longestResponse", in: SettingRange.counts, "a number of characters")
    if words != nil, text != nil {
      throw reader.error("instructionText", expected: "either instruction or instructionText", found: "both")
    }
    if layout == .helpsteer2, !attributes.isEmpty || overall != nil {
      throw reader.error(
        "attributes", expected: "nothing besides data: helpsteer2, which has its own", found: "attributes or overall",
        remedy: "Leave out `data` to name your own fields.")
    }
    if layout == nil, attributes.isEmpty, overall == nil {
      throw reader.error(
        nil, expected: "helpsteer2, or fields with scores", found: "neither attributes nor overall",
        remedy: "For instance: overall: { field: score, range: [1, 5] }.")
    }
    if let twice = attributes.map(\.scale.name).first(where: { name in
      ["overall", "attributes", "facets"].contains(name) || attributes.count { $0.scale.name == name } > 1
    }) {
      throw reader.error("attributes", expected: "names of their own, not overall or attributes", found: "\"\(twice)\"")
    }
    var template = RatingTemplate.helpSteer2, sources = RatingReader.helpSteer2.attributes
    if layout == nil {
      let overall = try overall?.scale ?? RatingTemplate.Scale("overall", Self.sum(of: attributes.map(\.scale), reader))
      template = RatingTemplate(overall: overall, attributes: attributes.map(\.scale))
      sources = attributes.map(\.source)
    }
    template.instruction = text.map { .text($0) } ?? (words == RatingReader.Words.none ? .none : .judge)
    self.init(
      template: template, prompt: prompt, response: response, overall: overall?.source, attributes: sources,
      longestPrompt: longestPrompt, longestResponse: longestResponse)
  }

  /// The scores that an overall score can take which is the sum of all attributes'.
  private static func sum(of attributes: [RatingTemplate.Scale], _ reader: SettingsReader) throws -> ClosedRange<Int> {
    // No scale goes beyond 999, so a list would have to be longer than any file to overflow.
    let sum = attributes.map(\.range).reduce((0, 0)) { ($0.0 + $1.lowerBound, $0.1 + $1.upperBound) }
    guard sum.1 <= RatedScale.scores.upperBound else {
      throw reader.error(
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

  var scale: RatingTemplate.Scale
  var source: RatingReader.Source

  init(_ reader: SettingsReader, name: String?) throws {
    let given: String? = name == nil ? try reader.required("name") : nil
    let name = name ?? given ?? ""
    let field: String = try name == "overall" ? reader.required("field") : reader.value("field", default: name)
    let range: ClosedRange<Double> = try reader.required("range", "[low, high], the field's least and greatest number")
    {
      // The scores' places in it are shares of its width.
      $0.lowerBound < $0.upperBound && ($0.upperBound - $0.lowerBound).isFinite
    }
    let scores: ClosedRange<Int>? = try reader.optional("scores", "[low, high], whole numbers from 0 to 999") {
      $0.lowerBound < $0.upperBound && $0.clamped(to: Self.scores) == $0
    }
    let direction: Direction = try reader.value("direction", default: .higherIsBetter)
    let explanation: String? = try reader.optional("explanation")
    let whole = Int(exactly: range.lowerBound).flatMap { low in Int(exactly: range.upperBound).map { low...$0 } }
    guard let scores = scores ?? whole, scores.clamped(to: Self.scores) == scores else {
      throw reader.error(
        "scores",
        expected: "whole numbers from 0 to 999 to write the scores with, as the range is "
          + "\(range.lowerBound) … \(range.upperBound)",
        found: "none", remedy: "For instance scores: [0, 10].")
    }
    scale = RatingTemplate.Scale(name, scores, explanation: explanation)
    source = RatingReader.Source(field: field, range: range, isReversed: direction == .lowerIsBetter)
  }
}
