// SPDX-License-Identifier: Apache-2.0
extension Array where Element: Hashable {
  /// The elements without repetitions, where each stood first: what is asked for twice is not done twice.
  package var once: [Element] {
    var seen = Set<Element>()
    return filter { seen.insert($0).inserted }
  }
}
