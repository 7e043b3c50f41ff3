// SPDX-License-Identifier: Apache-2.0
/// How numbers are written in texts: counted, so that what a grammar passes over or may read otherwise than it is meant
/// is said before it costs anything.
public struct NumberSurvey: Sendable, Hashable {
  /// A way to write numbers.
  public enum Form: String, Sendable, Hashable, CaseIterable {
    /// `1,000`, `1'000`, `1_000`: by what separates the groups.
    case commaGroups, otherGroups, spaceGroups
    /// `1.000,50`, `1.000.000`
    case pointGroups
    /// `12,345,6`, `[123,456]`: commas that separate numbers.
    case commaLists
    /// `3,5`
    case decimalCommas
    /// `1000` and more, without groups.
    case plainThousands
    /// `1e3`, which no grammar reads.
    case scientific
    case percent, currency, unit
  }

  /// Texts in which a form occurs.
  public private(set) var counts: [Form: Int] = [:]
  /// The first text's number of each form.
  public private(set) var samples: [Form: String] = [:]
  /// Texts.
  public private(set) var texts = 0
  /// Texts that are, as far as digits go, one number each.
  public private(set) var single = 0
  /// Digits behind the point of those, and how each is written first.
  public private(set) var decimals: [Int: String] = [:]

  /// Nothing yet.
  public init() {}

  /// Counts a text.
  public mutating func add(_ text: String) {
    let runs = NumberRun.all(in: Array(text.unicodeScalars))
    texts += 1
    var seen = Set<Form>()
    for run in runs {
      for form in run.forms where seen.insert(form).inserted {
        counts[form, default: 0] += 1
        if samples[form] == nil { samples[form] = run.shown }
      }
    }
    guard runs.count == 1, let run = runs.first else { return }
    single += 1
    if let digits = run.fractionDigits, decimals[digits] == nil { decimals[digits] = run.shown }
  }

  /// Adds what another survey counted of later texts.
  public mutating func add(_ other: NumberSurvey) {
    counts.merge(other.counts, uniquingKeysWith: +)
    samples.merge(other.samples) { first, _ in first }
    decimals.merge(other.decimals) { first, _ in first }
    texts += other.texts
    single += other.single
  }

  /// Whether commas between digits separate numbers rather than groups in these texts.
  ///
  /// Pairs such as `512,384` look like thousands nine times in ten, so a few that do not decide.
  public var commasAreLists: Bool {
    let lists = (counts[.commaLists] ?? 0) + (counts[.decimalCommas] ?? 0)
    return lists * 20 > counts[.commaGroups] ?? 0 && lists > 0
  }
}

/// Digits and what joins them, read without a grammar.
struct NumberRun {
  /// Runs of digits.
  var parts: [String]
  /// Text between them; one fewer.
  var joints: [Unicode.Scalar]
  /// As written, with a sign of currency or a unit.
  var shown: String
  /// Text directly before and after.
  var before: Unicode.Scalar?, after: Unicode.Scalar?
  var isBracketed: Bool
  /// Letters that follow, after a space or none.
  var unit: String

  /// All in a text, in order.
  static func all(in scalars: [Unicode.Scalar]) -> [NumberRun] {
    var runs = [NumberRun](), at = 0, brackets = 0
    func scalar(_ index: Int) -> Unicode.Scalar? { scalars.indices.contains(index) ? scalars[index] : nil }
    func digits(_ start: Int) -> Int { scalars[min(start, scalars.count)...].prefix(while: \.isDecimalDigit).count }
    while at < scalars.count {
      if scalars[at] == "[" { brackets += 1 }
      if scalars[at] == "]" { brackets = max(0, brackets - 1) }
      guard scalars[at].isDecimalDigit else {
        at += 1
        continue
      }
      let start = at
      var parts = [String](), joints = [Unicode.Scalar]()
      while true {
        let count = digits(at)
        parts.append(String(String.UnicodeScalarView(scalars[at..<at + count])))
        at += count
        guard let joint = scalar(at), joins.contains(joint), digits(at + 1) > 0 else { break }
        // A space joins groups of three alone.
        if joint == " ",
          digits(at + 1) != 3 || parts[parts.count - 1].count > 3 || joints.first.map({ $0 != " " }) ?? false
        {
          break
        }
        joints.append(joint)
        at += 1
      }
      let before = start > 0 ? scalars[start - 1] : nil
      var rest = scalars[at...]
      if rest.first == " " { rest = rest.dropFirst() }
      let letters = rest.prefix { $0.properties.isAlphabetic || $0 == "%" || $0 == "°" || currencies.contains($0) }
        .prefix(8)
      let isInWord = before.map { $0.gluesToDigits } ?? false
      guard !isInWord else { continue }
      let isTight = scalar(at) != " "
      let unit = String(String.UnicodeScalarView(letters))
      let exponent =
        ["e", "E"].contains(unit) ? rest.dropFirst().prefix { "+-0123456789".unicodeScalars.contains($0) } : []
      let shownEnd = isTight ? at + letters.count + exponent.count : at
      let shownStart = before.map { currencies.contains($0) } ?? false ? start - 1 : start
      runs.append(
        NumberRun(
          parts: parts, joints: joints,
          shown: String(String.UnicodeScalarView(scalars[shownStart..<min(shownEnd, shownStart + 24)])), before: before,
          after: scalar(at), isBracketed: brackets > 0 || before == "(" && (scalar(at) == ")" || scalar(at) == ","),
          unit: isTight ? unit : ""))
    }
    return runs
  }

  private static let joins: Set<Unicode.Scalar> = [
    ",", ".", "'", "\u{2019}", "_", " ", "\u{A0}", "\u{2009}", "\u{202F}",
  ]
  static let currencies: Set<Unicode.Scalar> = ["$", "€", "£", "¥", "₹", "₩"]

  /// Whether the parts are groups of three after one to three digits, up to the last `count` joints.
  private func isGrouped(_ count: Int) -> Bool {
    parts[0].count <= 3 && parts[0].first != "0" && parts[1...count].allSatisfy { $0.count == 3 }
  }

  /// Digits behind the point; nil for what is no plain or grouped number.
  var fractionDigits: Int? {
    let points = joints.count { $0 == "." }
    guard points <= 1, points == 0 || joints.last == ".", Set(joints.filter { $0 != "." }).count <= 1 else {
      return nil
    }
    return points == 0 ? 0 : parts[parts.count - 1].count
  }

  var forms: [NumberSurvey.Form] {
    var forms = [NumberSurvey.Form]()
    let groups = joints.last == "." ? joints.count - 1 : joints.count
    switch joints.first {
    case nil: if parts[0].count > 3 { forms.append(.plainThousands) }
    case ".":
      if joints.count > 1, joints.dropFirst().allSatisfy({ $0 == "." }), isGrouped(joints.count) {
        forms.append(.pointGroups)
      }
      if joints.last == ",", parts[1].count == 3 { forms.append(.pointGroups) }
      if joints.count == 1, parts[0].count > 3 { forms.append(.plainThousands) }
    case ",":
      if joints[..<groups].allSatisfy({ $0 == "," }), isGrouped(groups), !isBracketed {
        forms.append(.commaGroups)
      } else {
        forms.append(joints.count == 1 && !isBracketed ? .decimalCommas : .commaLists)
      }
    case " ": if isGrouped(groups) { forms.append(.spaceGroups) }
    default: if isGrouped(groups) { forms.append(.otherGroups) }
    }
    if unit.first == "%" {
      forms.append(.percent)
    } else if before.map({ Self.currencies.contains($0) }) ?? false
      || unit.unicodeScalars.first.map({ Self.currencies.contains($0) }) ?? false
    {
      forms.append(.currency)
    } else if unit.lowercased() == "e", after != nil {
      forms.append(.scientific)
    } else if !unit.isEmpty {
      forms.append(.unit)
    }
    return forms
  }
}
