// SPDX-License-Identifier: Apache-2.0
/// Names that are equal but for the first number between dots.
struct NamePattern {
  /// With a zero byte in the number's place.
  let pattern: String
  private var numbers: [Int] = []
  private static let hole: Character = "\0"

  /// Names by pattern, in order of first appearance.
  static func grouped(_ names: [String]) -> [NamePattern] {
    var groups: [NamePattern] = [], index: [String: Int] = [:]
    for name in names {
      var parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      // Only what reads back the same: not 007, not more digits than Int has.
      let number = parts.lazy.enumerated().compactMap { place, part in Int(part).map { (place, $0) } }
        .first { String($0.1) == parts[$0.0] && $0.1 >= 0 }
      if let number { parts[number.0] = String(hole) }
      let pattern = parts.joined(separator: ".")
      let group = index[pattern] ?? groups.count
      if group == groups.count { groups.append(NamePattern(pattern: pattern)) }
      index[pattern] = group
      if let number { groups[group].numbers.append(number.1) }
    }
    return groups
  }

  /// `layers.{0-3,5}.weight`, or the name itself if it stands for one.
  var text: String {
    let sorted = numbers.sorted()
    var runs: [ClosedRange<Int>] = []
    for number in sorted {
      if let last = runs.last, number - last.upperBound <= 1 {
        runs[runs.count - 1] = last.lowerBound...number
      } else {
        runs.append(number...number)
      }
    }
    guard !runs.isEmpty else { return pattern }
    let list = runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
    let filled = list.count == 1 && runs[0].count == 1 ? list[0] : "{\(list.joined(separator: ","))}"
    return pattern.split(separator: Self.hole, omittingEmptySubsequences: false).joined(separator: filled)
  }

  /// Whether two patterns differ by a prefix (`model.`) or by at most three letters.
  static func areNear(_ a: String, _ b: String) -> Bool {
    if a.hasSuffix("." + b) || b.hasSuffix("." + a) { return true }
    return editDistance(Array(a.utf8), Array(b.utf8), limit: 3) <= 3
  }

  /// Levenshtein's distance; more than `limit` may come out as anything above it.
  private static func editDistance(_ a: [UInt8], _ b: [UInt8], limit: Int) -> Int {
    guard abs(a.count - b.count) <= limit, a.count < 200 else { return limit + 1 }
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let substituted = diagonal + (x == y ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substituted, diagonal + 1, row[j] + 1)
      }
    }
    return row[b.count]
  }
}
