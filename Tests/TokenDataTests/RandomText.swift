// SPDX-License-Identifier: Apache-2.0
/// The random strings of Tests/Fixtures/tokenizers/corpus.py, scalar for scalar.
enum RandomText {
  /// SplitMix64 (Steele, Lea, Flood 2014).
  struct Generator {
    var state: UInt64

    mutating func next(_ bound: Int) -> Int {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return Int((z ^ (z >> 31)) % UInt64(bound))
    }
  }

  private static let spaces = [
    " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", "\u{A0}", "\u{3000}", "\u{2028}", "\u{85}", " \n", "\n ", "\u{200B}",
  ]
  private static let signs = [
    "'s", "'T", "'ll", "'RE", "'\u{17F}", "'", "...", "\u{2014}", "$", "%", "(", ")", "\"", ",", "-", "_", "\u{2581}",
    "\u{120}", "/", "=",
  ]
  private static let emoji = ["😀", "👩\u{200D}👧", "❤\u{FE0F}", "👍🏽", "🇩🇪", "☃", "\u{200D}", "\u{FE0F}"]
  private static let tokens = [
    "<|endoftext|>", "<s>", "</s>", "<unk>", "<mask>", "newtoken", "<b>", "</b>", "<|end|>", "<|im_start|>", "<0x41>",
    "<",
  ]
  private static let scripts = [0x4E00, 0xAC00, 0x3041, 0x1100, 0x0400, 0x0600, 0x0900, 0x00C0]

  static func string(_ seed: Int) -> String {
    var random = Generator(state: UInt64(seed))
    var result = String.UnicodeScalarView()
    func append(_ code: Int) { result.append(Unicode.Scalar(UInt32(code))!) }
    func word() {
      for _ in 0..<1 + random.next(8) { append(0x61 + random.next(26)) }
    }
    for _ in 0..<1 + random.next(16) {
      switch random.next(16) {
      case 0..<3: word()
      case 3..<6:
        append(0x20)
        word()
      case 6: append(0x20 + random.next(95))
      case 7: for _ in 0..<1 + random.next(6) { append(0x30 + random.next(10)) }
      case 8: result.append(contentsOf: spaces[random.next(spaces.count)].unicodeScalars)
      case 9: append(random.next(0x3000))
      case 10:
        let scalar = random.next(0x110000 - 0x800)
        append(scalar < 0xD800 ? scalar : scalar + 0x800)
      case 11: result.append(contentsOf: emoji[random.next(emoji.count)].unicodeScalars)
      case 12:
        append(0x41 + random.next(26))
        for _ in 0..<1 + random.next(3) { append(0x300 + random.next(0x70)) }
      case 13:
        let start = scripts[random.next(scripts.count)]
        for _ in 0..<1 + random.next(3) { append(start + random.next(64)) }
      case 14: result.append(contentsOf: signs[random.next(signs.count)].unicodeScalars)
      default: result.append(contentsOf: tokens[random.next(tokens.count)].unicodeScalars)
      }
    }
    return String(result)
  }
}

/// The hash of Tests/Fixtures/tokenizers/make.py: FNV-1a over whole numbers and over the bytes of strings.
struct Digest {
  private var value: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func add(_ number: Int) { value = (value ^ UInt64(number)) &* 0x100_0000_01B3 }

  mutating func add(_ ids: [Int32]) {
    for id in ids { add(Int(id)) }
  }

  mutating func add(_ text: String) {
    for byte in text.utf8 { add(Int(byte)) }
  }

  var hex: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
