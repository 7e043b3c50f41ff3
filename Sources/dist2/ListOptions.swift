// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Files
import Recipes
import Reports

/// `rotate,twist` → the cases of these names.
func names<T: RawRepresentable & CaseIterable & Hashable>(_ text: String, _ option: String) throws -> [T]
where T.RawValue == String {
  let known = T.allCases.map(\.rawValue)
  let chosen = try text.split(separator: ",").map { name -> T in
    guard let value = T(rawValue: String(name)) else {
      throw ValidationError(unknown(String(name), option, among: known))
    }
    return value
  }
  guard !chosen.isEmpty else { throw ValidationError("\(option): expected names, found none") }
  return chosen.once
}

/// `0.01,0.1,1` → the numbers, each once.
///
/// - Parameter range: what each may be.
func numbers<T: LosslessStringConvertible & Hashable & Comparable>(
  _ text: String, _ option: String, in range: ClosedRange<T>
) throws -> [T] {
  let chosen = try text.split(separator: ",").map { part in
    guard let number = T(String(part)), range.contains(number) else {
      throw ValidationError(
        "\(option): expected numbers \(range.words), comma separated, found \(part)")
    }
    return number
  }
  guard !chosen.isEmpty else { throw ValidationError("\(option): expected numbers, found none") }
  return chosen.once
}

/// `1-3,7` → 1, 2, 3, 7, each once.
///
/// - Parameter range: what each may be.
func spans(_ text: String, _ option: String, in range: ClosedRange<Int>) throws -> [Int] {
  let chosen = try text.split(separator: ",").flatMap { part -> ClosedRange<Int> in
    let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard ends.count <= 2, let low = ends[0], let high = ends[ends.count - 1], low <= high,
      range.contains(low), range.contains(high)
    else {
      throw ValidationError(
        "\(option): expected numbers \(range.words) such as 1-5 or 2,4,8, found \(part)"
      )
    }
    guard high - low < 1000 else { throw ValidationError("\(option): expected at most 1000 numbers, found \(part)") }
    return low...high
  }
  guard !chosen.isEmpty else { throw ValidationError("\(option): expected numbers, found none") }
  return chosen.once
}

/// What is said of a name that nothing has, with the one that was probably meant.
func unknown(_ name: String, _ option: String, among known: [String]) -> String {
  let near = nearestName(to: name, among: known).map { " Did you mean \($0)?" } ?? ""
  return "\(option): nothing is called \(name).\(near) There are \(known.joined(separator: ", "))"
}
