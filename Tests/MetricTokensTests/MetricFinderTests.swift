// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Testing

@Suite struct MetricFinderTests {
  private func find(
    _ text: String, _ vocabulary: WordVocabulary, _ space: TokenSpace, within spans: [Range<Int>]? = nil,
    grammar: NumberGrammar = NumberGrammar()
  ) -> [FoundMetric] {
    MetricFinder(space: space, metric: 2, grammar: grammar).find(
      in: vocabulary.pieces(text), text: text, within: spans, firstNumber: 5)
  }

  @Test func digitsOfADecimalWithTheirPlaces() throws {
    let space = try TokenSpace.digits(of: WordVocabulary.digitwise)
    let found = find("x=-0.123", .digitwise, space)
    #expect(found.count == 1)
    #expect(found[0].positions.map(\.position) == [3, 5, 6, 7])
    #expect(found[0].positions.map(\.candidate) == [0, 1, 2, 3])
    #expect(found[0].positions.map(\.place.rankInNumber) == [4, 3, 2, 1])
    #expect(found[0].positions.map(\.place.rankInRun) == [1, 3, 2, 1])
    #expect(found[0].positions.map(\.place.exponent) == [0, -1, -2, -3])
    #expect(found[0].positions.allSatisfy { $0.metric == 2 && $0.number == 5 })
    #expect(found[0].uncovered.isEmpty)
    #expect(found[0].number?.value == -0.123)
  }

  @Test func onlyMarkedNumbersAreMetricTokens() throws {
    let space = try TokenSpace.digits(of: WordVocabulary.digitwise)
    let text = "Step 1: a <b>(0.6, 0.805)</b>"
    let spans = Delimiters("<b>", "</b>").spans(in: text)
    let found = find(text, .digitwise, space, within: spans)
    #expect(found.map { $0.number?.value } == [0.6, 0.805])
    #expect(found.map { $0.positions.count } == [2, 4])
    #expect(found.map { $0.positions[0].number } == [5, 6])
    let tokens = WordVocabulary.digitwise.pieces(text).map(\.id)
    let step = tokens.firstIndex(of: space.ids[1])!
    #expect(!found.flatMap(\.positions).contains { $0.position == step })
  }

  @Test func tokensOfSeveralDigitsTakeThePlaceOfTheirLast() throws {
    let space = try TokenSpace.numbers(of: WordVocabulary.grouped)
    let found = find("1024=0.125", .grouped, space)
    let values = found.map { $0.positions.map { space.values![$0.candidate] } }
    #expect(values == [[102, 4], [0, 125]])
    #expect(found[0].positions.map(\.place.rankInNumber) == [2, 1])
    #expect(found[0].positions.map(\.place.exponent) == [1, 0])
    #expect(found[1].positions.map(\.place.rankInNumber) == [4, 1])
    #expect(found[1].positions.map(\.place.exponent) == [0, -3])
  }

  /// V_d of C.1 (docs/paper-map.md Q8): `050` has the value of `50`, so by default it is no candidate, and the finder
  /// says so.
  @Test func tokensThatAreNoCandidatesAreReported() throws {
    let canonical = try TokenSpace.numbers(of: WordVocabulary.grouped)
    let found = find("0.050", .grouped, canonical)
    #expect(found[0].positions.count == 1)
    #expect(found[0].uncovered == [2])
    let all = try TokenSpace.numbers(of: WordVocabulary.grouped, duplicates: .massless)
    #expect(find("0.050", .grouped, all)[0].positions.count == 2)
    let digits = try TokenSpace.digits(of: WordVocabulary.grouped)
    let merged = find("17", .grouped, digits)
    #expect(merged[0].positions.isEmpty && merged[0].uncovered == [0])
  }

  @Test func leadingSpacesBelongToTheToken() throws {
    let space = try TokenSpace.digits(of: WordVocabulary.spaced, spacing: .spaced)
    let found = find("a 5", .spaced, space)
    #expect(found[0].positions.map(\.candidate) == [5])
    // The same token where offsets leave out the space, as trimming tokenizers report it.
    let pieces = [TokenPiece(id: space.ids[5], range: 2..<3)]
    #expect(MetricFinder(space: space).find(in: pieces, text: "a 5")[0].positions.count == 1)
    // A plain 5 is not a candidate of the spaced space.
    #expect(find("(5", .spaced, space)[0].positions.isEmpty)
  }

  @Test func wholeNumbersMatchWholeTokens() throws {
    let scores = try TokenSpace.integers(0...20, of: WordVocabulary.spaced)
    let found = find("17,(3)", .spaced, scores)
    #expect(found.map { $0.positions.map(\.candidate) } == [[17], [3]])
    #expect(found.allSatisfy { $0.positions[0].place == .whole })
    // −5 is not the score 5, 1.5 is neither 1 nor 5, and 25 is not 2 and 5.
    #expect(find("-5", .spaced, scores)[0].positions.isEmpty)
    #expect(find("1.5", .spaced, scores)[0].positions.isEmpty)
    #expect(find("25", .spaced, scores)[0].positions.isEmpty)
  }

  @Test func tokensThatHoldMoreThanDigitsAreNoCandidates() throws {
    let vocabulary = WordVocabulary(WordVocabulary.digits + [".5", "5,"])
    let space = try TokenSpace.digits(of: vocabulary)
    #expect(find("1.5", vocabulary, space)[0].positions.map(\.position) == [0])
    #expect(find("1.5", vocabulary, space)[0].uncovered == [1])
    #expect(find("15,", vocabulary, space)[0].uncovered == [1])
  }

  /// SentencePiece tokenizers put a `▁` in front and report the character after it as its own.
  @Test func aPrependedMarkDoesNotHideTheDigitAfterIt() throws {
    let vocabulary = WordVocabulary(WordVocabulary.digits + ["▁"])
    let space = try TokenSpace.digits(of: vocabulary)
    let pieces = [(10, 0), (9, 0), (7, 1)].map { TokenPiece(id: $0.0, range: $0.1..<$0.1 + 1) }
    let found = MetricFinder(space: space).find(in: pieces, text: "97")
    #expect(found[0].positions.map(\.position) == [1, 2] && found[0].uncovered.isEmpty)
    // Alone it does count.
    #expect(MetricFinder(space: space).find(in: [pieces[0], pieces[2]], text: "97")[0].uncovered == [0])
  }

  @Test func specialTokensCountWhereverTheyStand() throws {
    let space = try TokenSpace.all(4, firstID: 100)
    let pieces = [100, 7, 103].map { TokenPiece(id: $0, range: 0..<0) }
    let found = MetricFinder(space: space).find(in: pieces, text: "")
    #expect(found.map { $0.positions[0].candidate } == [0, 3])
    #expect(found.map { $0.positions[0].position } == [0, 2])
    #expect(found.map { $0.positions[0].number } == [0, 1])
  }

  @Test func numbersAtTheVeryEndAndAfterCharactersOfSeveralBytes() throws {
    let vocabulary = WordVocabulary(WordVocabulary.digits + ["é", "📈", " "])
    let space = try TokenSpace.digits(of: vocabulary)
    #expect(find("📈 é 42", vocabulary, space)[0].positions.map(\.position) == [4, 5])
    #expect(find("📈٣", vocabulary, space).isEmpty)
  }

  @Test func piecesFromIdsAlone() throws {
    let space = try TokenSpace.digits(of: WordVocabulary.digitwise)
    let unknown = Int32(WordVocabulary.digitwise.texts.firstIndex(of: nil)!)
    var ids = WordVocabulary.digitwise.ids(of: "x=12")
    ids.insert(unknown, at: 3)
    let (text, pieces) = TokenPiece.pieces(of: ids, in: WordVocabulary.digitwise)
    #expect(text == "x=1\u{FFFC}2")
    let found = MetricFinder(space: space).find(in: pieces, text: text)
    #expect(found.map { $0.number?.value } == [1, 2])
  }

  @Test func splitterWritesDigitByDigit() throws {
    let splitter = try DigitSplitter(WordVocabulary.grouped)
    let text = "x=0.123, 17"
    let pieces = splitter.split(WordVocabulary.grouped.pieces(text))
    #expect(pieces.map { WordVocabulary.grouped.text(of: $0.id)! } == "x=0.123, 17".map(String.init))
    #expect(pieces.map(\.range) == (0..<11).map { $0..<$0 + 1 })
    #expect(splitter.split(WordVocabulary.grouped.ids(of: text)) == pieces.map(\.id))
    // Outside the answer nothing changes.
    let answer = splitter.split(WordVocabulary.grouped.pieces(text), within: [0..<7])
    #expect(answer.map { WordVocabulary.grouped.text(of: $0.id)! }.suffix(3) == [",", " ", "17"])
    let space = try TokenSpace.digits(of: WordVocabulary.grouped)
    let found = MetricFinder(space: space).find(in: pieces, text: text)
    #expect(found.map { $0.positions.count } == [4, 2])
  }

  @Test func splitterKeepsWhatItCannotWrite() throws {
    let vocabulary = WordVocabulary(WordVocabulary.digits + [" 12", "covid19", "a7", "a"])
    let splitter = try DigitSplitter(vocabulary)
    #expect(splitter.split([10, 11, 12]) == [10, 11, 13, 7])
    let spaced = WordVocabulary(WordVocabulary.digits + [" 12", " "])
    // Offsets that leave out the leading space: the space gets none.
    let pieces = try DigitSplitter(spaced).split([TokenPiece(id: 10, range: 4..<6)])
    #expect(pieces == [11, 1, 2].enumerated().map { TokenPiece(id: $1, range: [4..<4, 4..<5, 5..<6][$0]) })
  }
}
