// SPDX-License-Identifier: Apache-2.0
/// Digits as this project reads them: ASCII only, so that `٣`, `½` and `１` are letters like any other.
extension Unicode.Scalar {
  var isDecimalDigit: Bool { self >= "0" && self <= "9" }

  /// 0 … 9. Only for decimal digits.
  var digitValue: UInt8 { UInt8(value - 48) }

  /// Characters that make a digit beside them part of a word: letters of scripts that separate words by spaces
  /// (those with case), digits of other scripts, underscore. `x1`, `1_000` and `٣5` are no numbers, `约5米` holds one.
  var gluesToDigits: Bool {
    if value < 128 { return self == "_" || properties.isAlphabetic }
    switch properties.generalCategory {
    case .decimalNumber, .letterNumber, .otherNumber: return true
    default: return properties.isCased
    }
  }
}

/// The digits of a token's text after at most one leading space, if it holds nothing else: `5`, ` 5`, `007`.
struct DigitText: Hashable {
  var digits: String
  var isSpaced: Bool

  init?(_ text: String) {
    isSpaced = text.unicodeScalars.first == " "
    let scalars = text.unicodeScalars.dropFirst(isSpaced ? 1 : 0)
    guard !scalars.isEmpty, scalars.allSatisfy(\.isDecimalDigit) else { return nil }
    digits = String(String.UnicodeScalarView(scalars))
  }

  /// Without leading zeros: `007` and `7` name the same number.
  var canonical: String {
    let stripped = digits.drop { $0 == "0" }
    return stripped.isEmpty ? "0" : String(stripped)
  }
}
