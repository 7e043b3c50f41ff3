// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Reports
import TokenData

/// How a table becomes prompts and answers: which columns are asked from, how numbers are written, and why.
struct TablePlan {
  /// A column of the prompt, and how its numbers are written; nil: as they stand.
  struct Input {
    var column: String
    var form: NumberForm?
  }

  let target: String
  /// Columns of the prompt.
  private(set) var inputs: [Input] = []
  /// How the answer is written.
  let answer: NumberForm
  /// What was chosen, and why: a sentence each.
  private(set) var remarks: [String] = []
  /// Columns that prompts do not have, and why: a sentence a reason.
  private(set) var leftOut: [String] = []

  /// Columns that a prompt has at most, unless they are named.
  static let mostColumns = 64
  /// Share of rows without a value that a column may have.
  static let mostMissing = 0.2
  /// From here on a column is a linear function of the answer, and says it.
  static let leak = 0.99995

  /// - Parameters:
  ///   - chosen: the columns that the user named; nil: all that say something.
  ///   - decimals: digits behind the answer's point; nil: those worth a token.
  init(
    _ surveys: [ColumnSurvey], target: ColumnSurvey, leaks: [String: Double], chosen: [String]?, decimals: Int?,
    rows: Int
  ) {
    self.target = target.name
    let digits = decimals ?? target.decimals(share: 0.005)
    // A width counts the sign, so that filled up with zeros -05 would stand beside 005: two ways to write digits.
    let isRagged = target.fewestDigits < target.mostDigits, isPadded = isRagged && target.low >= 0
    let width = isPadded ? target.mostDigits + (digits > 0 ? digits + 1 : 0) : 0
    answer = NumberForm(
      width: width, decimals: digits == target.mostDecimals && !target.isPadded && digits == 0 ? nil : digits)
    sayAnswer(target, digits, isRagged: isRagged, isPadded: isPadded)
    var left = [(String, String)]()
    let wanted = chosen.map(Set.init)
    for survey in surveys where survey.name != target.name {
      if let wanted {
        if wanted.contains(survey.name) { add(survey) }
      } else if let why = Self.useless(survey, leaks[survey.name], rows: rows) {
        left.append((survey.name, why))
      } else if inputs.count == Self.mostColumns {
        left.append((survey.name, "after the first \(Self.mostColumns)"))
      } else {
        add(survey)
      }
    }
    for (why, names) in Dictionary(grouping: left, by: { $0.1 }).sorted(by: { $0.key < $1.key }) {
      leftOut.append("Left out \(Self.list(names.map { $0.0 })): \(why).")
    }
    remarks += leftOut
    if !left.isEmpty { remarks.append("--columns names the columns to ask from.") }
    sayInputs()
  }

  private mutating func add(_ survey: ColumnSurvey) {
    let decimals = survey.isNumeric && survey.mostDecimals > 2 ? survey.decimals(share: 0.02) : nil
    let form = decimals.flatMap { $0 < survey.mostDecimals ? NumberForm(decimals: $0) : nil }
    inputs.append(Input(column: survey.name, form: form))
  }

  /// Why a column is not asked from; nil if it is.
  private static func useless(_ survey: ColumnSurvey, _ correlation: Double?, rows: Int) -> String? {
    if survey.name.contains("{") || survey.name.contains("}") {
      return "a name with braces, which templates cannot have: rename it"
    }
    if survey.name.withoutOuterSpace.isEmpty { return "templates need a name: give it one" }
    if survey.isConstant { return "the same value everywhere" }
    if Double(survey.missing) > mostMissing * Double(rows) { return "no value in more than a fifth of the rows" }
    if let correlation, abs(correlation) >= leak {
      return "says the answer itself (correlation \(Quantity.number(correlation)))"
    }
    let name = survey.name.lowercased(), isNumbered = ["id", "index", "no", "nr", "row", "unnamed: 0"].contains(name)
    if isNumbered || survey.name.hasPrefix("column "), survey.distinct.count >= min(survey.values, 1 << 12) {
      return "numbers the rows"
    }
    return nil
  }

  private mutating func sayAnswer(_ target: ColumnSurvey, _ digits: Int, isRagged: Bool, isPadded: Bool) {
    let range = "\(Quantity.number(target.low)) to \(Quantity.number(target.high))"
    remarks.append(
      "Answers are \(target.name), \(range), standard deviation \(Quantity.number(target.deviation)).")
    if isRagged, !isPadded {
      remarks.append(
        "Not filled up with zeros, since some are negative: digits before the point are told from the left.")
    }
    if isPadded {
      remarks.append(
        "Written {\(target.name):\(answer.text)}: zeros in front, since numbers have \(target.fewestDigits) to "
          + "\(target.mostDigits) digits before the point, so that digits of one place stand side by side.")
    }
    if digits < target.mostDecimals {
      let loss = 0.5 * pow(10, -Double(digits))
      remarks.append(
        "Rounded to \(digits) of \(target.mostDecimals) decimals: an answer moves by at most \(Quantity.number(loss)), "
          + "\(String(format: "%.2f", 100 * loss / max(target.deviation, .leastNormalMagnitude))) % of the standard deviation. "
          + "--decimals \(target.mostDecimals) keeps them.")
    }
  }

  private mutating func sayInputs() {
    let rounded = inputs.filter { $0.form != nil }.map(\.column)
    if !rounded.isEmpty {
      remarks.append("Rounded in prompts, to a fiftieth of their spread: \(Self.list(rounded)).")
    }
  }

  private static func list(_ names: [String]) -> String {
    names.prefix(6).map(\.orNoName).joined(separator: ", ") + (names.count > 6 ? " and \(names.count - 6) more" : "")
  }

  // MARK: Text

  /// Text of a prompt: `carat {carat}, cut {cut}`, a line end, `price: `.
  var prompt: String {
    inputs.map { input in
      "\(ColumnTemplate.escaped(input.column)) {\(input.column)\(input.form.map { ":" + $0.text } ?? "")}"
    }.joined(separator: ", ") + "\n\(ColumnTemplate.escaped(target)): "
  }

  /// Text of an answer.
  var completion: String { answer.text.isEmpty ? "{\(target)}" : "{\(target):\(answer.text)}" }
}
