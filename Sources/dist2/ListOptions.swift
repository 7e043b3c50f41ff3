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
  return chosen.enumerated().filter { index, value in !chosen[..<index].contains(value) }.map(\.element)
}

/// `0.01,0.1,1` → the numbers.
func numbers<T: LosslessStringConvertible>(_ text: String, _ option: String) throws -> [T] {
  try text.split(separator: ",").map { part in
    guard let number = T(String(part)) else { throw ValidationError("\(option): expected numbers, found \(part)") }
    return number
  }
}
