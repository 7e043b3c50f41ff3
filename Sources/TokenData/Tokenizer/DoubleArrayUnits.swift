// SPDX-License-Identifier: Apache-2.0
/// The double array of a SentencePiece character map, in the format of darts-clone, and the text behind it.
struct DoubleArrayUnits {
  /// What is wrong with the bytes.
  struct Failure: Error { let found: String }

  private let units: [UInt32]
  /// UTF-8.
  let text: [UInt8]

  /// Units at most; `nmt_nfkc` has 44,800.
  private static let unitLimit = 1 << 20
  /// Beginnings of strings at most; `nmt_nfkc` has 853.
  private static let stepLimit = 1 << 14

  init(_ bytes: [UInt8]) throws(Failure) {
    func number(at place: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << (8 * UInt32($1)) } }
    guard bytes.count >= 4 else { throw Failure(found: "\(bytes.count) bytes") }
    let count = Int(number(at: 0)) / 4
    guard count >= 1, count <= Self.unitLimit, 4 + 4 * count <= bytes.count else {
      throw Failure(found: "an array of \(count) units in \(bytes.count) bytes")
    }
    units = (0..<count).map { number(at: 4 + 4 * $0) }
    text = Array(bytes[(4 + 4 * count)...])
    guard String(validating: text, as: UTF8.self) != nil else {
      throw Failure(found: "replacements that are not UTF-8")
    }
  }

  /// All strings of the array of at most `longest` bytes that no other string of it begins, with their values.
  ///
  /// A unit has its byte in the lowest eight bits, then a bit that says whether a string ends there, and the distance to its
  /// children, by exclusive or, in the upper 22, of which the lowest shifts the rest by eight.
  func strings(upTo longest: Int) throws(Failure) -> [(bytes: [UInt8], value: Int)] {
    var result: [(bytes: [UInt8], value: Int)] = []
    var pending: [(children: Int, bytes: [UInt8])] = [(offset(0), [])]
    var steps = 0
    while let (children, bytes) = pending.popLast() {
      steps += 1
      guard steps <= Self.stepLimit else { throw Failure(found: "an array of more than \(Self.stepLimit) steps") }
      for byte in UInt32(1)...255 {
        let index = children ^ Int(byte)
        guard index < units.count, units[index] & 0x8000_00FF == byte else { continue }
        let next = index ^ offset(index)
        if units[index] >> 8 & 1 == 0 {
          if bytes.count + 1 < longest { pending.append((next, bytes + [UInt8(byte)])) }
        } else if next < units.count {
          result.append((bytes + [UInt8(byte)], Int(units[next] & 0x7FFF_FFFF)))
        } else {
          throw Failure(found: "a value at unit \(next) of \(units.count)")
        }
      }
    }
    return result
  }

  private func offset(_ index: Int) -> Int { Int((units[index] >> 10) << ((units[index] & 1 << 9) >> 6)) }
}

extension [Int] {
  /// Index of the first element for which this holds, where it holds for all after it.
  func partitioningIndex(where holds: (Int) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if holds(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
