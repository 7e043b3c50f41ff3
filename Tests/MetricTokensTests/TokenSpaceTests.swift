// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Testing

@Suite struct TokenSpaceTests {
  @Test(arguments: [WordVocabulary.digitwise, .grouped, .spaced])
  func digitsAreTheTenSingleTokens(vocabulary: WordVocabulary) throws {
    let space = try TokenSpace.digits(of: vocabulary)
    #expect(space.values == (0...9).map(Double.init))
    #expect(space.ids.map { vocabulary.text(of: $0) } == (0...9).map { String($0) })
    for (candidate, id) in space.ids.enumerated() { #expect(space.candidate(of: id) == candidate) }
    #expect(space.candidate(of: 0) == nil)
    #expect(space.candidate(of: -1) == nil)
    #expect(space.candidate(of: Int32.max) == nil)
  }

  @Test func spacingChoosesBetweenTheTwoTokens() throws {
    let plain = try TokenSpace.digits(of: WordVocabulary.spaced)
    let spaced = try TokenSpace.digits(of: WordVocabulary.spaced, spacing: .spaced)
    #expect(spaced.ids.map { WordVocabulary.spaced.text(of: $0) } == (0...9).map { " \($0)" })
    #expect(Set(plain.ids).isDisjoint(with: spaced.ids))
  }

  /// ntloss adds the missing tokens to the user's tokenizer or fails with an index error.
  @Test func aVocabularyWithoutDigitsIsRefusedByName() {
    let error = #expect(throws: TokenSpaceError.self) { try TokenSpace.digits(of: WordVocabulary(["a", "0", "1"])) }
    #expect(error?.description.contains("\"2\"") == true)
    #expect(throws: TokenSpaceError.self) { try TokenSpace.numbers(of: WordVocabulary(["a", "b"])) }
    #expect(throws: TokenSpaceError.self) { try TokenSpace.digits(of: WordVocabulary([])) }
  }

  @Test func theTokenTheTokenizerWritesWinsOverByteFallback() throws {
    var vocabulary = WordVocabulary(WordVocabulary.digits + ["a"] + WordVocabulary.digits)
    vocabulary.silent = Set(0..<10)
    #expect(try TokenSpace.digits(of: vocabulary).ids == Array(11...20))
  }

  @Test func integersMustBeSingleTokens() throws {
    let scores = try TokenSpace.integers(0...20, of: WordVocabulary.spaced, name: "overall")
    #expect(scores.count == 21)
    #expect(scores.ids.map { WordVocabulary.spaced.text(of: $0) } == (0...20).map { String($0) })
    let error = #expect(throws: TokenSpaceError.self) {
      try TokenSpace.integers(0...20, of: WordVocabulary.digitwise, name: "overall")
    }
    #expect(error?.space == "overall")
    #expect(error?.problem.hasPrefix("10 is not one token") == true)
    #expect(error?.remedy.contains("digits") == true)
  }

  @Test func anIntegerThatIsATokenButNeverWrittenIsRefused() throws {
    var vocabulary = WordVocabulary.spaced
    let seventeen = Int32(vocabulary.texts.firstIndex(of: "17")!)
    vocabulary.silent = [seventeen]
    let error = #expect(throws: TokenSpaceError.self) { try TokenSpace.integers(0...20, of: vocabulary) }
    #expect(error?.problem.hasPrefix("17 ") == true)
  }

  @Test func numbersKeepOnlyCanonicalStrings() throws {
    let space = try TokenSpace.numbers(of: WordVocabulary.grouped)
    #expect(space.values == (0...999).map(Double.init))
    #expect(space.ids.map { WordVocabulary.grouped.text(of: $0) } == (0...999).map { String($0) })
    #expect(space.base == nil)
  }

  @Test func duplicatesGetNoMassOrShareIt() throws {
    let massless = try TokenSpace.numbers(of: WordVocabulary.grouped, duplicates: .massless)
    #expect(massless.count == 1110)
    #expect(massless.ids.prefix(3).map { WordVocabulary.grouped.text(of: $0) } == ["0", "00", "000"])
    #expect(Array(massless.base![..<6]) == [1, 0, 0, 1, 0, 0])
    let shared = try TokenSpace.numbers(of: WordVocabulary.grouped, duplicates: .shared)
    #expect(shared.base!.prefix(3).allSatisfy { $0 == 1.0 / 3 })
    #expect(shared.base!.last == 1)
    #expect(abs(shared.base!.reduce(0, +) - 1000) < 1e-9)
  }

  @Test func leadingSpacesAreDuplicatesOfTheOtherSpacing() throws {
    let plain = try TokenSpace.numbers(of: WordVocabulary.spaced)
    #expect(plain.ids.map { WordVocabulary.spaced.text(of: $0)! } == (0...20).map { String($0) })
    let spaced = try TokenSpace.numbers(of: WordVocabulary.spaced, spacing: .spaced, duplicates: .massless)
    #expect(spaced.count == 42)
    #expect(spaced.ids.prefix(2).map { WordVocabulary.spaced.text(of: $0) } == [" 0", "0"])
    #expect(Array(spaced.base![..<2]) == [1, 0])
  }

  /// Python's float() takes all of these; a vocabulary's text made of them is not a number here.
  @Test(arguments: ["٣", "1_000", "1e3", "½", "１", "5a", "-5", "1.5", " ", "", "  5", "5 ", "inf", "nan", "0x1"])
  func onlyAsciiDigitsAreNumericText(text: String) throws {
    let space = try TokenSpace.numbers(of: WordVocabulary(WordVocabulary.digits + [text]))
    #expect(space.count == 10)
  }

  @Test func labelsBinsAndCodeBooks() throws {
    var vocabulary = WordVocabulary.digitwise
    vocabulary.special = ["<loc_0>": 90, "<loc_1>": 91]
    let bins = try TokenSpace.bins([("<loc_0>", 0.25), ("<loc_1>", 0.75)], of: vocabulary)
    #expect(bins.ids == [90, 91])
    #expect(bins.values == [0.25, 0.75])
    let labels = try TokenSpace.labels(["x", "a"], of: vocabulary)
    #expect(labels.values == nil)
    #expect(labels.ids.map { vocabulary.text(of: $0) } == ["x", "a"])
    #expect(throws: TokenSpaceError.self) { try TokenSpace.labels(["x", "xa"], of: vocabulary) }
    #expect(throws: TokenSpaceError.self) { try TokenSpace.labels(["x", "x"], of: vocabulary) }
    let codes = try TokenSpace.all(16_384, firstID: 7)
    #expect(codes.candidate(of: 7) == 0)
    #expect(codes.candidate(of: 16_390) == 16_383)
    #expect(codes.candidate(of: 6) == nil)
    #expect(throws: TokenSpaceError.self) { try TokenSpace.all(1) }
    #expect(throws: TokenSpaceError.self) { try TokenSpace.all(4, firstID: -1) }
  }

  @Test func malformedSpacesAreRefused() {
    #expect(throws: TokenSpaceError.self) { try TokenSpace(name: "s", ids: [1]) }
    #expect(throws: TokenSpaceError.self) { try TokenSpace(name: "s", ids: [1, 1]) }
    #expect(throws: TokenSpaceError.self) { try TokenSpace(name: "s", ids: [1, -2]) }
    #expect(throws: TokenSpaceError.self) { try TokenSpace(name: "s", ids: [1, 2], values: [1]) }
    #expect(throws: TokenSpaceError.self) { try TokenSpace(name: "s", ids: [1, 2], values: [1, .nan]) }
    #expect(throws: TokenSpaceError.self) { try TokenSpace(name: "s", ids: [1, 2], base: [0, 0]) }
    #expect(throws: TokenSpaceError.self) { try TokenSpace(name: "s", ids: [1, 2], base: [1, -1]) }
    #expect(throws: TokenSpaceError.self) { try TokenSpace(name: "s", unit: .digit, ids: [1, 2], values: [0, 10]) }
  }

  @Test func aModelSmallerThanTheTokenizerIsNoticed() throws {
    let space = try TokenSpace(name: "s", ids: [3, 9])
    try space.check(vocabularySize: 10)
    let error = #expect(throws: TokenSpaceError.self) { try space.check(vocabularySize: 9) }
    #expect(error?.description.contains("token id 9") == true)
  }
}
