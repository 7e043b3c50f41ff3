// SPDX-License-Identifier: Apache-2.0
import Files
import Reports

/// A comparison of two by one figure, in words and for programs: of answers or of responses.
protocol ComparisonFinding {
  /// What is compared.
  var names: (ours: String, theirs: String) { get }
  /// The figure's name in `report.json`.
  var figure: String { get }
  /// What came out, corrected.
  var verdict: Verdict { get }
}

extension ComparisonFinding {
  /// Whether a difference is shown, for or against.
  var isShown: Bool { verdict.isShown }

  var label: String { "\(names.ours) against \(names.theirs)" }
  /// For the report: what was compared, what came out, and what that is worth.
  var text: String { "\(label): \(verdict)." }

  var json: JSON {
    guard case .object(var object) = verdict.json else { return verdict.json }
    object["ours"] = .string(names.ours)
    object["theirs"] = .string(names.theirs)
    object["metric"] = .string(figure)
    return .object(object)
  }
}

extension Array where Element: ComparisonFinding {
  /// Members of `report.json`: what was tested, and what came out.
  ///
  /// - Parameter main: name of the headline's figure.
  func members(main: String, power: String?) -> JSONObject {
    var members = JSONObject()
    members["metric"] = .string(main)
    members["power"] = power.map { .string($0) } ?? .null
    members["verdicts"] = .array(map(\.json))
    return members
  }
}

extension Verdict {
  /// Whether a difference is shown, for or against.
  var isShown: Bool { outcome == .better || outcome == .worse }
}

extension [String] {
  /// `a, b and c`
  var listed: String {
    guard let last, count > 1 else { return first ?? "" }
    return dropLast().joined(separator: ", ") + " and " + last
  }
}
