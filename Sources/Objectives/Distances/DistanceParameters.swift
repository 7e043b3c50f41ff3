// SPDX-License-Identifier: Apache-2.0

/// A parameter that a distance reads, by which run files are checked and described.
public struct DistanceParameter: Sendable, Hashable {
  /// What it holds.
  public enum Kind: Sendable, Hashable {
    /// A number.
    case number
    /// A whole number.
    case integer
    /// A word.
    case text
    /// Rows of numbers.
    case table
  }

  /// Its key in run files.
  public let name: String
  /// What it holds.
  public let kind: Kind

  /// Memberwise.
  public init(_ name: String, _ kind: Kind) { (self.name, self.kind) = (name, kind) }
}

/// Value of a parameter.
public enum DistanceValue: Sendable, Hashable {
  /// A number.
  case number(Double)
  /// A whole number, which is a number as well.
  case integer(Int)
  /// A word.
  case text(String)
  /// Rows of numbers.
  case table([[Double]])
}

/// Parameters of a distance, by name, as a run file has them: `["period": 360]`. Each distance reads its own.
public struct DistanceParameters: Sendable, Hashable, ExpressibleByDictionaryLiteral {
  /// Those that are given.
  public var values: [String: DistanceValue]
  /// Embeddings of the candidates, for distances between vectors; nil where there are none.
  public var codeBook: CodeBook?

  /// Memberwise.
  public init(_ values: [String: DistanceValue] = [:], codeBook: CodeBook? = nil) {
    (self.values, self.codeBook) = (values, codeBook)
  }

  /// Without a code book.
  public init(dictionaryLiteral elements: (String, DistanceValue)...) {
    self.init(Dictionary(uniqueKeysWithValues: elements))
  }

  /// A number, or the default where it is not given.
  ///
  /// - Throws: `ObjectiveError` naming the parameter if it is missing and has no default, or is of another kind.
  public func number(_ name: String, default other: Double? = nil) throws -> Double {
    try value(name, other, "a number") {
      switch $0 {
      case .number(let value): value
      case .integer(let value): Double(value)
      default: nil
      }
    }
  }

  /// A whole number; see ``number(_:default:)``.
  public func integer(_ name: String, default other: Int? = nil) throws -> Int {
    try value(name, other, "a whole number") {
      switch $0 {
      case .integer(let value): value
      case .number(let value): Int(exactly: value)
      default: nil
      }
    }
  }

  /// A word; see ``number(_:default:)``.
  public func text(_ name: String, default other: String? = nil) throws -> String {
    try value(name, other, "a word") { if case .text(let value) = $0 { value } else { nil } }
  }

  /// Rows of numbers; see ``number(_:default:)``.
  public func table(_ name: String) throws -> [[Double]] {
    try value(name, nil, "rows of numbers") { if case .table(let value) = $0 { value } else { nil } }
  }

  /// The embeddings.
  ///
  /// - Throws: `ObjectiveError` if there are none.
  public func requiredCodeBook() throws -> CodeBook {
    guard let codeBook else {
      throw ObjectiveError(
        "distance", "it is between embeddings, and there are none",
        remedy: "Add `embeddings: …`, a Safetensors file or the folder of an image tokenizer.")
    }
    return codeBook
  }

  private func value<T>(
    _ name: String, _ other: T?, _ kind: String, _ read: (DistanceValue) -> T?
  ) throws -> T {
    let given = values[name]
    guard let value = given.map(read) ?? other else {
      throw ObjectiveError(
        "distance", given == nil ? "its parameter \(name) is missing" : "its parameter \(name) is not \(kind)",
        remedy: "Add `\(name): …`, \(kind), to the distance.")
    }
    return value
  }
}
