// SPDX-License-Identifier: Apache-2.0
/// Upper and lower case, and what kinds of characters a text has, by Unicode as Python does it.
enum TextCase {
  static func changed(_ name: String, _ text: Text) -> Text {
    switch name {
    case "upper": return text.mapped { scalar, _ in differing(scalar, scalar.properties.uppercaseMapping) }
    case "lower": return lowered(text)
    case "casefold":
      return text.mapped { scalar, _ in scalar == "ß" ? "ss" : differing(scalar, scalar.properties.lowercaseMapping) }
    case "swapcase":
      return text.mapped { scalar, _ in
        let properties = scalar.properties
        return properties.isUppercase
          ? differing(scalar, properties.lowercaseMapping)
          : properties.isLowercase ? differing(scalar, properties.uppercaseMapping) : nil
      }
    case "capitalize":
      return text.mapped { scalar, index in
        differing(scalar, index == 0 ? scalar.properties.titlecaseMapping : scalar.properties.lowercaseMapping)
      }
    default:
      var isInWord = false
      return text.mapped { scalar, _ in
        defer { isInWord = scalar.properties.isCased }
        return differing(scalar, isInWord ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping)
      }
    }
  }

  private static func differing(_ scalar: Unicode.Scalar, _ mapping: String) -> String? {
    mapping.unicodeScalars.elementsEqual(CollectionOfOne(scalar)) ? nil : mapping
  }

  static func lowered(_ text: Text) -> Text {
    guard text.bytes.contains(0xCE) else {
      return text.mapped { scalar, _ in differing(scalar, scalar.properties.lowercaseMapping) }
    }
    // A capital sigma that ends a word becomes the one for ends.
    let scalars = text.string.unicodeScalars.map { $0 }
    return text.mapped { scalar, index in
      guard scalar == "\u{3A3}" else { return differing(scalar, scalar.properties.lowercaseMapping) }
      let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
      let after = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
      return before?.properties.isCased == true && after?.properties.isCased != true ? "\u{3C2}" : "\u{3C3}"
    }
  }

  static func isLineBreak(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 10...13, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
    default: false
    }
  }

  /// `isupper` and its like; nil for another name.
  static func test(_ name: String, _ text: Text) -> Bool? {
    let scalars = text.string.unicodeScalars
    func all(_ test: (Unicode.Scalar.Properties) -> Bool) -> Bool {
      !scalars.isEmpty && scalars.allSatisfy { test($0.properties) }
    }
    switch name {
    case "isascii": return text.bytes.allSatisfy { $0 < 0x80 }
    case "isspace": return !text.isEmpty && WhiteSpace.end(text.bytes, from: 0) == text.bytes.count
    case "isalpha": return all(isLetter)
    case "isdecimal": return all { $0.generalCategory == .decimalNumber }
    case "isdigit": return all { $0.numericType == .decimal || $0.numericType == .digit }
    case "isnumeric": return all { $0.numericType != nil }
    case "isalnum": return all { isLetter($0) || $0.numericType != nil }
    case "islower":
      return isCased(scalars) {
        $0.isLowercase
      } other: {
        $0.isUppercase || $0.generalCategory == .titlecaseLetter
      }
    case "isupper":
      return isCased(scalars) {
        $0.isUppercase
      } other: {
        $0.isLowercase || $0.generalCategory == .titlecaseLetter
      }
    case "istitle":
      var isInWord = false, isAny = false
      for properties in scalars.lazy.map(\.properties) {
        let isUpper = properties.isUppercase || properties.generalCategory == .titlecaseLetter
        if isUpper && isInWord || properties.isLowercase && !isInWord { return false }
        isInWord = isUpper || properties.isLowercase
        isAny = isAny || isInWord
      }
      return isAny
    default: return nil
    }
  }

  private static func isLetter(_ properties: Unicode.Scalar.Properties) -> Bool {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }

  /// Whether a text has a letter of a case and none of the others.
  private static func isCased(
    _ scalars: String.UnicodeScalarView, _ wanted: (Unicode.Scalar.Properties) -> Bool,
    other: (Unicode.Scalar.Properties) -> Bool
  ) -> Bool {
    var isAny = false
    for scalar in scalars {
      if other(scalar.properties) { return false }
      isAny = isAny || wanted(scalar.properties)
    }
    return isAny
  }
}
