// SPDX-License-Identifier: Apache-2.0
/// The name that was probably meant, for remedies: "Did you mean `temperature`?".
///
/// - Parameters:
///   - name: what was typed.
///   - names: what exists.
/// - Returns: the closest by edits of single letters (letter case aside), nil if none is close.
public func nearestName(to name: String, among names: some Sequence<String>) -> String? {
  let typed = Array(name.lowercased())
  // Any letter is near to any other: of one there is nothing to guess.
  let limit = typed.count < 2 ? 0 : max(1, typed.count / 3)
  let rated = names.map { (name: $0, edits: edits(typed, Array($0.lowercased()))) }
  guard let best = rated.min(by: { ($0.edits, $0.name) < ($1.edits, $1.name) }), best.edits <= limit else { return nil }
  return best.name
}

/// Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment).
private func edits(_ a: [Character], _ b: [Character]) -> Int {
  var before = [Int](), last = Array(0...b.count)
  for (i, x) in a.enumerated() {
    var row = [i + 1]
    for (j, y) in b.enumerated() {
      var cost = min(last[j] + (x == y ? 0 : 1), last[j + 1] + 1, row[j] + 1)
      if i > 0, j > 0, x == b[j - 1], y == a[i - 1] { cost = min(cost, before[j - 1] + 1) }
      row.append(cost)
    }
    (before, last) = (last, row)
  }
  return last[b.count]
}
