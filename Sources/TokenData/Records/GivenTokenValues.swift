// SPDX-License-Identifier: Apache-2.0
import Files
public import MetricTokens

/// Numbers that a record gives with the tokens of one response.
public struct GivenTokenValues: Sendable, Hashable {
  /// Kinds of numbers, which end the names of their fields: `chosen_weights`.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Weights of tokens in the response's reward.
    case weights
    /// Weights of the divergence at each token.
    case divergenceWeights = "divergence_weights"
    /// Rewards of tokens.
    case rewards

    /// Where they are kept.
    var key: WritableKeyPath<TokenValues, [Float]?> {
      switch self {
      case .weights: \.weights
      case .divergenceWeights: \.divergenceWeights
      case .rewards: \.rewards
      }
    }
  }

  /// The numbers, one for each token of the response that is learnt.
  public var values: TokenValues
  /// The response's field, `chosen`.
  public var field: String
  /// Which of the field's responses it is, where it has several.
  public var index: Int?

  /// Memberwise.
  public init(_ values: TokenValues, field: String, index: Int? = nil) {
    (self.values, self.field, self.index) = (values, field, index)
  }

  /// Refuses lists of another length than the response has learnt tokens.
  ///
  /// - Parameter source: the record's.
  /// - Throws: `InputError` that names the field.
  func check(tokens: Int, source: String) throws(InputError) {
    for kind in Kind.allCases {
      guard let given = values[keyPath: kind.key], given.count != tokens else { continue }
      throw InputError(
        path: source, place: "\(field)_\(kind.rawValue)" + (index.map { "[\($0)]" } ?? ""),
        expected: "\(tokens) numbers, one for each learnt token of the response, the one that ends it included",
        found: "\(given.count)",
        remedy: "`dist2 inspect` shows the tokens. Numbers are of one tokenizer and one chat template.")
    }
  }
}

extension ResponseReader {
  /// The numbers given with a response, or nil.
  ///
  /// - Parameter field: the response's.
  func tokenValues(_ object: JSONReader, of field: String) throws(InputError) -> GivenTokenValues {
    var values = TokenValues()
    guard readsTokenValues else { return GivenTokenValues(values, field: field) }
    for kind in GivenTokenValues.Kind.allCases {
      guard let list = try object.ifPresent("\(field)_\(kind.rawValue)") else { continue }
      values[keyPath: kind.key] = try list.finiteFloats()
    }
    return GivenTokenValues(values, field: field)
  }

  /// The same of a field with several responses: a list for each.
  func tokenValues(_ object: JSONReader, ofEach field: String, count: Int) throws(InputError) -> [GivenTokenValues] {
    var given = (0..<count).map { GivenTokenValues(TokenValues(), field: field, index: $0) }
    guard readsTokenValues else { return given }
    for kind in GivenTokenValues.Kind.allCases {
      guard let lists = try object.ifPresent("\(field)_\(kind.rawValue)") else { continue }
      let elements = try lists.elements()
      guard elements.count == count else {
        throw lists.error(expected: "a list for each of \(count) responses", found: "\(elements.count)")
      }
      for index in elements.indices { given[index].values[keyPath: kind.key] = try elements[index].finiteFloats() }
    }
    return given
  }
}

extension JSONReader {
  /// A list of numbers that float32 holds.
  fileprivate func finiteFloats() throws(InputError) -> [Float] {
    let range = -Double(Float.greatestFiniteMagnitude)...Double(Float.greatestFiniteMagnitude)
    var numbers = [Float]()
    for element in try elements() { numbers.append(Float(try element.number(in: range, "a number"))) }
    return numbers
  }
}

extension TokenValues {
  /// Those of a response's first tokens.
  func prefix(_ count: Int) -> TokenValues {
    func first(_ values: [Float]?) -> [Float]? { values.map { Array($0.prefix(count)) } }
    return TokenValues(
      reference: first(reference), weights: first(weights), divergenceWeights: first(divergenceWeights),
      rewards: first(rewards))
  }

  /// Whether there are none.
  var isEmpty: Bool { self == TokenValues() }
}
