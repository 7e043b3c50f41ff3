import ArgumentParser

/// `rotate,twist` → the cases of these names.
func names<T: RawRepresentable & CaseIterable & Equatable>(_ text: String, _ option: String) throws -> [T]
where T.RawValue == String {
  let known = T.allCases.map(\.rawValue)
  let chosen = try text.split(separator: ",").map { name -> T in
    guard let value = T(rawValue: String(name)) else {
      throw ValidationError("\(option): nothing is called \(name); there are \(known.joined(separator: ", "))")
    }
    return value
  }
  guard !chosen.isEmpty else { throw ValidationError("\(option): expected names, found none") }
  if let twice = chosen.indices.first(where: { chosen[..<$0].contains(chosen[$0]) }) {
    throw ValidationError("\(option): expected each name once, found \(chosen[twice].rawValue) twice")
  }
  return chosen
}

/// `0.01,0.1,1` → the numbers.
func numbers<T: LosslessStringConvertible & Equatable>(_ text: String, _ option: String) throws -> [T] {
  let numbers = try text.split(separator: ",").map { part in
    guard let number = T(String(part)) else { throw ValidationError("\(option): expected numbers, found \(part)") }
    return number
  }
  guard !numbers.isEmpty else { throw ValidationError("\(option): expected numbers, found none") }
  if let twice = numbers.indices.first(where: { numbers[..<$0].contains(numbers[$0]) }) {
    throw ValidationError("\(option): expected each number once, found \(numbers[twice]) twice")
  }
  return numbers
}

/// As many seeds as are asked for, from 1 on.
func seeds(_ count: Int) throws -> [Int] {
  guard 1...10_000 ~= count else { throw ValidationError("--seeds: expected how many, 1 to 10000, found \(count)") }
  return Array(1...count)
}
