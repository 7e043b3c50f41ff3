// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Recipes

/// `rotate,twist` → the cases of these names.
func names<T: RawRepresentable & CaseIterable & Hashable>(_ text: String, _ option: String) throws -> [T]
where T.RawValue == String {
  let known = T.allCases.map(\.rawValue)
  let chosen = try text.split(separator: ",").map { name -> T in
    guard let value = T(rawValue: String(name)) else {
      throw ValidationError("\(option): nothing is called \(name); there are \(known.joined(separator: ", "))")
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
        "\(option): expected numbers from \(range.lowerBound) to \(range.upperBound), comma separated, found \(part)")
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
        "\(option): expected numbers from \(range.lowerBound) to \(range.upperBound) such as 1-5 or 2,4,8, found \(part)"
      )
    }
    guard high - low < 1000 else { throw ValidationError("\(option): expected at most 1000 numbers, found \(part)") }
    return low...high
  }
  guard !chosen.isEmpty else { throw ValidationError("\(option): expected numbers, found none") }
  return chosen.once
}
