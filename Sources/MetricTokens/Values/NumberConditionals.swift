// SPDX-License-Identifier: Apache-2.0
/// The exact conditionals of a target over whole numbers along one number's characters.
///
/// At each place p(next character | characters so far) is the mass of the values that begin so, divided by the mass of
/// those that begin with what stands before. Their product over a number's places, its end included, is the number's
/// own probability.
public struct NumberConditionals: Sendable {
  /// What stands before a place, and what the target says of it.
  public struct Place: Sendable, Hashable {
    /// Probability of the digits 0 … 9.
    public var digits: [Double]
    /// Probability of the decimal point.
    public var point: Double
    /// Probability of the minus sign.
    public var minus: Double
    /// Probability that the number ends here.
    public var end: Double
  }

  /// One for each character of the number, and one for its end.
  public let places: [Place]

  /// - Parameters:
  ///   - index: the value whose characters are followed.
  ///   - mass: the target.
  public init(along index: Int, of format: ValueFormat, _ mass: some ValueMass) {
    var prefix = NumberPrefix(format), places = [Place]()
    for symbol in NumberPrefix.symbols(format.text(index)) {
      places.append(Self.place(after: prefix, mass))
      guard let next = prefix.appending(symbol) else {
        preconditionFailure("\(format.text(index)) is not written by its format")
      }
      prefix = next
    }
    self.places = places + [Self.place(after: prefix, mass)]
  }

  /// The target at one place. Where nothing that begins so has mass, it is even over what may follow.
  static func place(after prefix: NumberPrefix, _ mass: some ValueMass) -> Place {
    let children = PrefixChildren.of(prefix)
    let digits = children.digits.map { $0.map { mass.mass(of: $0) } }
    let point = children.point.map { mass.mass(of: $0) }, minus = children.minus.map { mass.mass(of: $0) }
    let end = children.end.map { mass.mass(of: $0...$0) }
    let all = digits + [point, minus, end]
    let sum = all.reduce(0) { $0 + ($1 ?? 0) }, allowed = Double(all.count { $0 != nil })
    func share(_ weight: Double?) -> Double {
      guard let weight else { return 0 }
      return sum > 0 ? weight / sum : 1 / allowed
    }
    return Place(digits: digits.map(share), point: share(point), minus: share(minus), end: share(end))
  }
}

extension NumberPrefix {
  /// The symbols of a text of digits, point and minus.
  static func symbols(_ text: String) -> [Symbol] {
    text.unicodeScalars.map { scalar in
      switch scalar {
      case "-": .minus
      case ".": .point
      default: .digit(Int(scalar.value) - 48)
      }
    }
  }
}
