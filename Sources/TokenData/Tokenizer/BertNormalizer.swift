// SPDX-License-Identifier: Apache-2.0
import Files

/// BERT's own cleaning of text: control characters gone, every white space a space, spaces around Chinese characters,
/// accents off, small letters.
struct BertNormalizer: Sendable {
  private let cleans: Bool
  private let partsChinese: Bool
  private let stripsAccents: Bool
  private let lowercases: Bool

  init(_ json: JSONReader) throws(InputError) {
    cleans = try json.bool(at: "clean_text")
    partsChinese = try json.bool(at: "handle_chinese_chars")
    lowercases = try json.bool(at: "lowercase")
    // Unless said otherwise, the model without capitals is the one without accents.
    stripsAccents = try json.ifPresent("strip_accents")?.bool() ?? lowercases
  }

  func apply(to text: inout SplitText) {
    let classes = UnicodeClasses.shared
    if cleans {
      text.rewrite { source, range, result in
        source.forEachScalar(in: range) { scalar in
          let known = classes[scalar.value]
          guard !known.isRemovedByBert else { return }
          result.append(known.isSpace ? 0x20 : scalar.value, from: scalar.start, to: scalar.end)
        }
      }
    }
    if partsChinese {
      text.rewrite { source, range, result in
        source.forEachScalar(in: range) { scalar in
          let isChinese = Self.isChinese(scalar.value)
          for value in isChinese ? [0x20, scalar.value, 0x20] : [scalar.value] {
            result.append(value, from: scalar.start, to: scalar.end)
          }
        }
      }
    }
    if stripsAccents {
      Normalizer.canonical(composed: false, compatibility: false).apply(to: &text)
      text.rewrite { source, range, result in
        source.forEachScalar(in: range) { scalar in
          if !classes[scalar.value].isAccent { result.append(scalar.value, from: scalar.start, to: scalar.end) }
        }
      }
    }
    if lowercases { Normalizer.lowercase.apply(to: &text) }
  }

  /// The blocks of CJK ideographs as the package has them, without the beginning of extension E.
  private static func isChinese(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x2A6DF, 0x2A700...0x2B81F, 0x2B920...0x2CEAF,
      0x2F800...0x2FA1F:
      true
    default: false
    }
  }

  /// A Chinese character of three bytes gets two spaces; else as the steps it is made of.
  var cost: TextCost {
    var cost = TextCost(growth: partsChinese ? 5 / 3 : 1, work: 2)
    if stripsAccents { cost.then(Normalizer.canonical(composed: false, compatibility: false).cost) }
    if lowercases { cost.then(Normalizer.lowercase.cost) }
    return cost
  }
}
