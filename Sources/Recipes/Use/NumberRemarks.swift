// SPDX-License-Identifier: Apache-2.0
package import Evaluation
import Files
import MetricTokens
import Reports
import TokenData

extension NumberSurvey {
  /// Remarks on how numbers are written, and how a grammar reads them.
  ///
  /// - Parameter subject: what the texts are called.
  func remarks(_ grammar: NumberGrammar, of subject: String, comparesDecimals: Bool = true) -> [String] {
    var remarks = [String]()
    func say(_ form: Form, _ what: String) {
      guard let count = counts[form], let sample = samples[form] else { return }
      remarks.append("\(count) of \(texts) \(subject) hold \(what.replacing("%", with: "\"\(sample)\""))")
    }
    for form in [Form.commaGroups, .otherGroups, .spaceGroups] where counts[form] != nil {
      let values = grammar.numbers(in: samples[form] ?? "").map(\.plainText)
      // Who has chosen a separator knows that it is there.
      if grammar.thousands != .auto, values.count == 1 { continue }
      let reading =
        values.count == 1 ? "one number, \(values[0])" : values.isEmpty ? "no number" : "\(values.count) numbers"
      say(
        form,
        "digits in groups (%), read as \(reading): grammar.thousands is \"\(grammar.thousands.rawValue)\"; "
          + (values.count == 1 ? "none reads lists" : "auto, \",\", \"'\", \"_\" or \" \" reads thousands"))
    }
    if counts[.plainThousands] != nil, counts[.commaGroups] ?? counts[.otherGroups] != nil {
      say(.plainThousands, "thousands without groups (%), others with: write all alike, so that their digits are too")
    }
    say(.pointGroups, "points between groups of digits (%), which are not read as one number: write 1234.5 for 1.234,5")
    say(.decimalCommas, "a comma between digits (%), read as two numbers: write a point if it is a decimal comma")
    if commasAreLists, counts[.commaGroups] != nil {
      say(.commaLists, "lists apart by commas (%), so commas separate numbers, not groups of digits")
    }
    say(.scientific, "scientific notation (%), which is no number here: write it out")
    say(.percent, "percent signs (%), which are left out of the number")
    say(.currency, "signs of a currency (%), which are left out of the number")
    say(.unit, "units (%), which are left out of the number: all should have the same")
    if comparesDecimals, single == texts, decimals.count > 1 {
      let shown = decimals.sorted { $0.key < $1.key }.prefix(3).map { "\"\($0.value)\"" }.joined(separator: ", ")
      remarks.append(
        "numbers of \(subject) have between \(decimals.keys.min() ?? 0) and \(decimals.keys.max() ?? 0) decimals (\(shown)): "
          + "with as many each, digits of one place stand side by side")
    }
    return remarks
  }
}

/// The right answers that a run learns from, as numbers: what a model's answers can be held against.
package struct TrainingAnswers {
  /// Smallest and largest number.
  package let range: ClosedRange<Double>
  /// Their median, where each answer is one number: who always says that has learnt nothing else.
  package let median: Double?
  /// Their mean, likewise.
  let mean: Double?
  /// Larger files are not read again for this.
  private static let largest = 1 << 30

  /// Of numbers known to lie there.
  init(median: Double? = nil, range: ClosedRange<Double>) { (self.median, mean, self.range) = (median, nil, range) }

  /// Reads the training file; nil if it is not there, too large, or without numbers.
  package init?(_ artifacts: RunArtifacts) {
    guard let source = artifacts.settings.data.train, let file = try? DataFiles(source), file.size <= Self.largest
    else {
      return nil
    }
    let reader = artifacts.reader, parser = Answering(artifacts).parser
    var values = [Double](), isSingle = true
    for index in 0..<file.count {
      // Lines that could not be used are no part of it.
      guard let record = try? reader.record(file, index) else { continue }
      let numbers = parser.numbers(in: record.promptAndReference.reference)
      isSingle = isSingle && numbers.count == 1
      values += numbers
    }
    guard let low = values.min(), let high = values.max() else { return nil }
    range = low...high
    median = isSingle ? Measurements(values).median : nil
    mean = isSingle ? Measurements(values).mean : nil
  }

  /// How many answers hold a number that no training answer came near, and the farthest; nil if none does.
  func outside(_ records: [PredictionRecord]) -> String? {
    var count = 0, farthest = (distance: 0.0, value: 0.0)
    for values in records.compactMap(\.values) {
      let distances = values.map { max(range.lowerBound - $0, $0 - range.upperBound, 0) }
      guard let worst = distances.indices.max(by: { distances[$0] < distances[$1] }), distances[worst] > 0 else {
        continue
      }
      count += 1
      if distances[worst] > farthest.distance { farthest = (distances[worst], values[worst]) }
    }
    guard count > 0 else { return nil }
    let (low, high) = (Quantity.number(range.lowerBound), Quantity.number(range.upperBound))
    return "\(count) of \(records.count) answers lie outside the training answers' range, \(low) … \(high); "
      + "the farthest is \(Quantity.number(farthest.value))"
  }
}

/// Notes below the figures of a run's answers.
func answerRemarks(_ records: [PredictionRecord], _ artifacts: RunArtifacts, _ training: TrainingAnswers?) -> [String] {
  let grammar = artifacts.settings.numberGrammar ?? NumberGrammar()
  var right = NumberSurvey(), said = NumberSurvey()
  for record in records where !record.truth.isEmpty {
    right.add(record.reference)
    said.add(record.text)
  }
  // What is said of the right answers need not be said again of the model's.
  let known = Set(right.counts.keys)
  var remarks = right.remarks(grammar, of: "right answers")
  if !Set(said.counts.keys).subtracting(known).isEmpty { remarks += said.remarks(grammar, of: "answers of the model") }
  return remarks + [training?.outside(records)].compactMap(\.self)
}

/// Notes below a comparison: how the right answers' numbers are written, and each variant's answers beyond what
/// training showed.
package func comparisonRemarks(
  _ outcomes: [(variant: String, records: [PredictionRecord])], _ artifacts: RunArtifacts?, _ training: TrainingAnswers?
) -> [String] {
  guard let artifacts, let first = outcomes.first else { return [] }
  var variants = [String](), records = [String: [PredictionRecord]]()
  for outcome in outcomes {
    if records[outcome.variant] == nil { variants.append(outcome.variant) }
    records[outcome.variant, default: []] += outcome.records
  }
  return answerRemarks(first.records, artifacts, nil).map { $0 + "." }
    + variants.compactMap { variant in training?.outside(records[variant] ?? []).map { "\(variant): \($0)." } }
}
